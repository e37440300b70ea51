"""What does each of several processes have by default, and how many may there be?"""

DEFAULTS = {
    "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo",
    "JAX_PLATFORMS": "cpu",
    "NPROC": "1",  # threads of XLA
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


def check_world(restarts: int, **size: int) -> None:
    """Refuse numbers of processes and of starts that make no world.

    Args:
        restarts: How often all start again.
        size: The number of processes, under the name of its argument.
    """
    [(name, count)] = size.items()
    if not 1 <= count <= 1024 or restarts < 0:
        words = f"`{name}` must be 1 to 1,024 and `restarts` 0 or more; got"
        raise ValueError(f"{words} {count} and {restarts}.")
