using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>Begins to record what is launched; none where operations run in the call.</summary>
    public virtual LaunchRecorder? RecordLaunches() => null;
}
