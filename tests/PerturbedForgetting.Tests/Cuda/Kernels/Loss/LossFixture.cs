using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Loss;

/// <summary>Base of the tests of losses: logits and labels, and what the CPU makes of them in float64 and float32.</summary>
abstract class LossFixture(string device) : KernelFixture(device)
{
    /// <summary>Samples and classes: blocks of one warp and of eight, ends of rows that fill no warp, ImageNet-21k.</summary>
    protected static readonly (int Samples, int Classes)[] Shapes =
        [(1, 2), (3, 31), (2, 32), (5, 33), (128, 10), (3, 255), (3, 256), (3, 257), (4, 1000), (2, 1023), (2, 1025), (2, 21841)];

    /// <summary>Computes a loss on the CPU: logits, where to put the loss, where to put the gradient.</summary>
    protected delegate void CpuLoss(Tensor logits, Tensor loss, Tensor gradient);

    /// <summary>Computes a loss on the device: where to put the loss, the gradient (or null), a value a sample.</summary>
    protected delegate void DeviceLoss(DevicePointer loss, DevicePointer gradient, DevicePointer values);

    /// <summary>Loss and gradient of the CPU in float64, from float32 logits.</summary>
    protected static (double Loss, float[] Gradient) Exact(float[] logits, int samples, int classes, CpuLoss run)
    {
        using Tensor x = OnCpu(Array.ConvertAll(logits, static v => (double)v), samples, classes), gradient = x.EmptyLike(), loss = Tensor.Persistent([1], DType.Float64);
        run(x, loss, gradient);
        return (loss.Item(), Array.ConvertAll(gradient.ToArray<double>(), static v => (float)v));
    }

    /// <summary>Loss and gradient of the device, run twice to the same bits, and without a gradient to the same loss.</summary>
    protected (double Loss, float[] Gradient) OnDevice(int samples, int classes, DeviceLoss run)
    {
        (float[] Loss, float[] Gradient)[] runs = [Once(), Once()];
        AssertClose(runs[1].Loss, runs[0].Loss, relative: 0);
        AssertClose(runs[1].Gradient, runs[0].Gradient, relative: 0);
        DeviceBuffer<float> loss = Poisoned<float>(1);
        run(loss, DevicePointer.Null, Poisoned<double>(samples));
        AssertClose(Download(loss), runs[0].Loss, relative: 0);
        return (runs[0].Loss[0], runs[0].Gradient);

        (float[] Loss, float[] Gradient) Once()
        {
            DeviceBuffer<float> value = Poisoned<float>(1), gradient = Poisoned<float>((long)samples * classes);
            run(value, gradient, Poisoned<double>(samples));
            return (Download(value), Download(gradient));
        }
    }
}
