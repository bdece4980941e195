"""Makes PyTorch's wheel for GPUs importable without three gigabytes of GPU libraries.

On Linux the wheel on PyPI is linked against them, though nothing on a CPU calls them. Of those that only have to be there,
empty ones are put where the wheel looks; the CUDA runtime, in which its kernels are registered on import, is small and
comes from its own package. Functions must then be looked up when they are called, not on import, which is what the
`.pth` file sees to.
"""

import pathlib
import subprocess
import sys
import sysconfig
import tempfile

# Of PyTorch 2.15: what its libraries need, and under which name a symbol of it is asked for.
LIBRARIES = {
    "libcublas.so.13": "libcublas.so.13",
    "libcublasLt.so.13": "libcublasLt.so.13",
    "libcudnn.so.9": "libcudnn.so.9",
    "libcufft.so.12": "libcufft.so.12",
    "libcufile.so.0": "libcufile.so.0",
    "libcupti.so.13": "libcupti.so.13",
    "libcusparse.so.12": "libcusparse.so.12",
    "libcusparseLt.so.0": "libcusparseLt.so.0",
    "libnccl.so.2": "libnccl.so.2",
    "libnvrtc.so.13": "libnvrtc.so.13",
    "libnvshmem_host.so.3": "NVSHMEM",
}
# Data, which has to be there on import.
SYMBOLS = {"libnvshmem_host.so.3": "char nvshmem_init[64], nvshmem_selected_device_transport[64];"}
PTH = "opportune_torch_on_cpu.pth"


def main():
    packages = pathlib.Path(sysconfig.get_path("purelib"))
    done = packages / PTH
    if done.exists() or not (packages / "torch/lib/libtorch_cuda.so").exists():
        return
    into = packages / "nvidia/cu13/lib"
    with tempfile.TemporaryDirectory() as folder:
        source, versions = pathlib.Path(folder, "empty.c"), pathlib.Path(folder, "versions")
        for library, version in LIBRARIES.items():
            source.write_text(SYMBOLS.get(library, "") + "\n")
            versions.write_text(f"{version} {{ global: *; }};\n")
            subprocess.run(
                ["cc", "-shared", "-fPIC", f"-Wl,-soname,{library}", f"-Wl,--version-script={versions}"]
                + ["-o", into / library, source],
                check=True,
            )
    # Written last, so that half the work is not taken for all of it.
    done.write_text("import os, sys; sys.setdlopenflags(os.RTLD_LAZY)\n")


if __name__ == "__main__":
    sys.exit(main())
