using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Loss;

/// <summary>Base of the tests of losses: logits and labels, and what the CPU makes of them in float64 and float32.</summary>
abstract class LossFixture(string device) : KernelFixture(device)
{
    /// <summary>Samples and classes: warps and blocks of a sample, ends of rows that fill no warp, ImageNet-21k.</summary>
    protected static readonly (int Samples, int Classes)[] Shapes =
        [(1, 2), (3, 31), (2, 32), (5, 33), (128, 10), (3, 255), (3, 256), (3, 257), (4, 1000), (2, 1023), (2, 1025), (2, 21841)];

    /// <summary>Computes a loss: from which logits and labels, where to put the loss, where to put the gradient.</summary>
    protected delegate void Loss(Tensor logits, Tensor target, Tensor loss, Tensor? gradient);

    /// <summary>Loss and gradient of the CPU in float64, from float32 logits.</summary>
    protected static (double Loss, float[] Gradient) Exact(float[] logits, int classes, Tensor target, Loss run)
    {
        using Tensor x = OnCpu(Array.ConvertAll(logits, static v => (double)v), logits.Length / classes, classes), gradient = x.EmptyLike();
        using Tensor loss = Tensor.Persistent([1], DType.Float64);
        run(x, target, loss, gradient);
        return (loss.Item(), Array.ConvertAll(gradient.ToArray<double>(), static v => (float)v));
    }

    /// <summary>Loss and gradient of the CPU in float32.</summary>
    protected static (double Loss, float[] Gradient) Cpu(float[] logits, int classes, Tensor target, Loss run)
    {
        using Tensor x = OnCpu(logits, logits.Length / classes, classes), gradient = x.EmptyLike(), loss = Tensor.Persistent([1]);
        run(x, target, loss, gradient);
        return (loss.Item(), gradient.ToArray<float>());
    }

    /// <summary>Loss and gradient of the device, run twice to the same bits, and without a gradient to the same loss.</summary>
    protected (double Loss, float[] Gradient) Twice(float[] logits, int classes, Tensor target, Loss run)
    {
        Tensor x = Input(logits, logits.Length / classes, classes), loss = Output(1), gradient = Output(x.Shape.ToArray());
        Tensor again = Output(1), sameGradient = Output(x.Shape.ToArray()), alone = Output(1);
        run(x, target, loss, gradient);
        run(x, target, again, sameGradient);
        run(x, target, alone, null);
        AssertClose(again, loss, relative: 0);
        AssertClose(sameGradient, gradient, relative: 0);
        AssertClose(alone, loss, relative: 0);
        return (loss.Item(), gradient.ToArray<float>());
    }

    /// <summary>
    /// Each logit is read once and each element of the gradient written once, by one warp for few classes and by eight for many; each warp
    /// reads the label, or dense targets are read once like the logits. A sample's loss is written, read again by the last block, and what
    /// these make written.
    /// </summary>
    protected void CheckTraffic(string kernel, int samples, int classes, bool isDense, Loss run)
    {
        float[] x = Normal(samples * classes);
        Tensor logits = Input(x, samples, classes);
        run(logits, isDense ? Input(x, samples, classes) : Input(Whole(samples, classes)), Output(1), Output(samples, classes));
        bool isFew = classes <= RowKernel.FewClasses;
        long targets = isDense ? 4L * x.Length : 4L * samples * (isFew ? 1 : 8);
        kernel += isFew ? "_few" : "";
        AssertTraffic(kernel, loaded: (4L * x.Length) + targets + (8L * samples), stored: (4L * x.Length) + (8L * samples) + 4);
        Assert.That(CountersOf(kernel)?.BankConflicts ?? 0, Is.Zero);
    }
}
