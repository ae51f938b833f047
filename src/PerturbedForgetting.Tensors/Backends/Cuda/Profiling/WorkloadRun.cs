using PerturbedForgetting.Tensors.Catalogue;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>An operation at usual sizes on a device, to be run again and again.</summary>
sealed class WorkloadRun : IDisposable
{
    const int Period = 1 << 20;

    readonly Operation operation;
    readonly Tensor[] inputs;

    public WorkloadRun(Operation operation, KernelWorkload workload, Shape[] shapes, Device device)
    {
        this.operation = operation;
        inputs = [.. shapes.Select((shape, i) => Input(shape, i == 0 ? workload.Type : DType.Float32, device))];
        if (operation.Gradient != GradientKind.None)
            inputs = [.. inputs.Select(static t => new Parameter(t))];
    }

    /// <summary>The forward pass, and the backward pass behind it if that is asked for.</summary>
    public void Pass(bool isBackward)
    {
        using var scope = Scope.Begin();
        Tensor y = operation.Run(inputs);
        if (!isBackward)
            return;
        y.Backward(y.Shape.Rank == 0 ? null : y);
        foreach (Parameter input in inputs.Cast<Parameter>())
            input.ClearGrad();
    }

    public void Dispose()
    {
        foreach (Tensor input in inputs)
        {
            (input as Parameter)?.Grad?.Dispose();
            input.Dispose();
        }
    }

    /// <summary>Numbers from -1 to 1, always the same, which a large input repeats; integers are 0.</summary>
    static Tensor Input(Shape shape, DType type, Device device)
    {
        Tensor tensor = Tensor.Persistent(shape, type, device);
        if (type != DType.Float32)
            return tensor.Fill(0);
        float[] values = new float[Math.Min(tensor.Count, Period)];
        var random = new System.Random(1);
        for (int i = 0; i < values.Length; i++)
            values[i] = (2 * random.NextSingle()) - 1;
        tensor.View([values.Length]).CopyFrom<float>(values);
        for (long done = values.Length; done < tensor.Count; done *= 2)
        {
            int count = (int)Math.Min(done, tensor.Count - done);
            device.Backend.Copy(tensor.View([count]), tensor.View([count], done));
        }
        return tensor;
    }
}
