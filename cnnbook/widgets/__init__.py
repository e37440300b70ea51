"""Turn it yourself: figures with sliders for Jupyter, which are plain pictures anywhere else."""
