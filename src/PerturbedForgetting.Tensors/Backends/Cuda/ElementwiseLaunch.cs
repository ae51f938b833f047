using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>How a kernel that is a <c>map</c> of kernels/include/map.cuh is launched: a grid-stride loop, 4 elements a thread.</summary>
static class ElementwiseLaunch
{
    const int Threads = 256, PerBlock = 4 * Threads;

    extension(KernelLibrary library)
    {
        /// <summary>Puts a kernel on the stream that reads so many sources of so many float32 and writes as many.</summary>
        public void Map(CudaStream stream, string kernel, int sources, long count, params ReadOnlySpan<KernelArgument> arguments) =>
            library.Get(kernel).Launch(stream.Moving(sizeof(float) * (sources + 1) * count), LaunchGrid.Blocks(count, PerBlock), Threads, 0, arguments);
    }
}
