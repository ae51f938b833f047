using System.Collections;
using PerturbedForgetting.Cuda.Dnn;

namespace PerturbedForgetting.Tests.Cuda.Dnn;

/// <summary>The devices on which cuDNN is tested: <c>sim</c> always, <c>cuda</c> where a GPU and the library are found.</summary>
sealed class CudnnDevices : IEnumerable<string>
{
    public IEnumerator<string> GetEnumerator()
    {
        yield return "sim";
        if (KernelDevices.Gpus.Count > 0 && CudnnApi.Installed.WhyUnusable(KernelDevices.Gpus[0]) is null)
            yield return "cuda";
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
