using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>What the tests of several operations share.</summary>
static class OpsTesting
{
    /// <summary>Standard normals times a factor, as a parameter of the given type on the device of
    /// <see cref="Initialization.Current"/>.</summary>
    public static Parameter Normal(Shape shape, ulong seed, DType type = DType.Float32, double factor = 1)
    {
        double[] numbers = Array.ConvertAll(GradientCheck.Normals(shape.Count, seed), x => x * factor);
        Tensor values = Tensor.Persistent(shape, type, Initialization.Current.Device);
        return new Parameter(type == DType.Float64
            ? values.CopyFrom<double>(numbers)
            : values.CopyFrom<float>(Array.ConvertAll(numbers, x => (float)x)));
    }

    /// <summary>The elements of a floating-point tensor.</summary>
    public static double[] Numbers(Tensor x) =>
        x.DType == DType.Float64 ? x.ToArray<double>() : Array.ConvertAll(x.ToArray<float>(), v => (double)v);

    /// <summary>The labels of a reference case as int32.</summary>
    public static Tensor Labels(Tensor int64) =>
        Tensor.From(Array.ConvertAll(int64.ToArray<long>(), x => (int)x), int64.Shape, int64.Device);
}
