"""What does each of several processes have by default, and how many may there be?"""

# The three of MALLOC let glibc keep memory that is freed. Otherwise each step of JAX asks the
# kernel anew for what it gave back in the step before, which can take longer than the step itself.
DEFAULTS = {
    "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo",
    "JAX_PLATFORMS": "cpu",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
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
