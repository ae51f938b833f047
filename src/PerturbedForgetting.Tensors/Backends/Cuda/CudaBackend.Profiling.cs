using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    public override LaunchRecorder RecordLaunches() => new CudaLaunchRecorder(
        [("computation", stream), ("copies", Copies), .. workplace.Communications.Select(static s => ("communication", s))]);
}
