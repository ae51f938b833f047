using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tests.Tensors;

/// <summary>
/// Compares the gradients of an operation, for a random upstream gradient, with central differences in float64 on the CPU; and result and
/// gradients in float32, on the device of <see cref="Initialization.Current"/>, with those in float64.
/// </summary>
/// <example><code>
/// GradientCheck.Run(x => Ops.Linear(x[0], x[1], x[2]), [2, 3, 5], [4, 5], [4]);
/// </code></example>
static class GradientCheck
{
    const double Step = 1e-5;
    const ulong UpstreamSeed = 977;

    /// <summary>Checks with standard normal inputs of the given shapes.</summary>
    /// <param name="run">The operation; what it needs besides <c>x</c> it makes of the type and on the device of <c>x[0]</c>.</param>
    /// <param name="shapes">One an input.</param>
    public static void Run(Func<Parameter[], Tensor> run, params Shape[] shapes) => Run(run, isDerivative: true, shapes);

    /// <inheritdoc cref="Run(Func{Parameter[], Tensor}, Shape[])"/>
    /// <param name="isDerivative">Whether the gradient is that of the result; else the differences are not looked at.</param>
    public static void Run(Func<Parameter[], Tensor> run, bool isDerivative, params Shape[] shapes) => Run(run, isDerivative, 1, shapes);

    /// <summary>Checks float32 alone, with standard normal inputs times a factor.</summary>
    public static void OfLargeInputs(Func<Parameter[], Tensor> run, double factor, params Shape[] shapes) =>
        Run(run, isDerivative: false, factor, shapes);

    static void Run(Func<Parameter[], Tensor> run, bool isDerivative, double factor, Shape[] shapes)
    {
        Device device = Initialization.Current.Device;
        using var scope = Scope.Begin();
        // Numbers of float32, so that both types get the same.
        float[][] values = [.. shapes.Select((shape, i) => Array.ConvertAll(Normals(shape.Count, 1 + (ulong)i), x => (float)(factor * x)))];
        Parameter[] exact = [.. values
            .Select((v, i) => new Parameter(Tensor.From(Array.ConvertAll(v, static x => (double)x), shapes[i], Device.Cpu)))];
        Parameter[] rounded = [.. values.Select((v, i) => new Parameter(Tensor.From(v, shapes[i], device)))];
        Tensor expected = run(exact), actual = run(rounded);
        expected.Backward(Normal(expected.Shape, UpstreamSeed, DType.Float64, Device.Cpu));
        actual.Backward(Normal(actual.Shape, UpstreamSeed));
        // One check of the gradients suffices.
        if (device == Device.Cpu && isDerivative)
            CompareWithDifferences(run, exact);
        CompareTypes(expected, actual, exact, rounded);
        foreach (Parameter parameter in (Parameter[])[.. exact, .. rounded])
            parameter.Grad!.Dispose();
    }

    /// <summary>Standard normals on a device, that of <see cref="Initialization.Current"/> if none is given.</summary>
    public static Tensor Normal(Shape shape, ulong seed, DType type = DType.Float32, Device? device = null)
    {
        device ??= Initialization.Current.Device;
        // Rounded always, so that tensors of both types are equal.
        float[] values = Array.ConvertAll(Normals(shape.Count, seed), static x => (float)x);
        return type == DType.Float32
            ? Tensor.From(values, shape, device)
            : Tensor.From(Array.ConvertAll(values, static x => (double)x), shape, device);
    }

    static void CompareWithDifferences(Func<Parameter[], Tensor> run, Parameter[] inputs)
    {
        double[]? upstream = null;
        for (int k = 0; k < inputs.Length; k++)
        {
            Assert.That(inputs[k].Grad, Is.Not.Null, $"no gradient arrived for input {k}");
            double[] gradient = inputs[k].Grad!.ToArray<double>(), values = inputs[k].ToArray<double>();
            for (int i = 0; i < values.Length; i++)
            {
                double x = values[i];
                double numeric = (Shifted(x + Step) - Shifted(x - Step)) / (2 * Step);
                Shifted(x);
                Assert.That(gradient[i], Is.EqualTo(numeric).Within(1e-6 + (1e-6 * Math.Abs(numeric))),
                    $"input {k} {inputs[k].Shape}, element {i}");

                double Shifted(double value)
                {
                    using var noGrad = GradMode.NoGrad();
                    using var inner = Scope.Begin();
                    values[i] = value;
                    inputs[k].CopyFrom<double>(values);
                    Tensor y = run(inputs);
                    upstream ??= Normal(y.Shape, UpstreamSeed, DType.Float64).ToArray<double>();
                    double[] result = y.ToArray<double>();
                    double sum = 0;
                    for (int j = 0; j < result.Length; j++)
                        sum += result[j] * upstream[j];
                    return sum;
                }
            }
        }
    }

    /// <summary>The criterion of the reference numbers for float32: 4e-6 of a tensor's largest element, and 5e-7 of the largest input or
    /// gradient.</summary>
    static void CompareTypes(Tensor expected, Tensor actual, Parameter[] exact, Parameter[] rounded)
    {
        double[][] gradients = [.. exact.Select(static p => p.Grad!.ToArray<double>())];
        Compare(expected.ToArray<double>(), actual, 5e-7 * exact.Max(static p => Largest(p.ToArray<double>())), "result");
        double largest = gradients.Max(Largest);
        for (int k = 0; k < exact.Length; k++)
            Compare(gradients[k], rounded[k].Grad!, 5e-7 * largest, $"gradient of input {k} {exact[k].Shape}");

        static void Compare(double[] expected, Tensor actual, double atLeast, string what) =>
            Assert.That(Array.ConvertAll(actual.ToArray<float>(), static x => (double)x),
                Is.EqualTo(expected).Within(Math.Max(4e-6 * Largest(expected), Math.Max(atLeast, 1e-9))),
                $"{what} in float32 on {actual.Device}");
    }

    static double Largest(double[] values) => values.Length == 0 ? 0 : values.Max(Math.Abs);

    /// <summary>Standard normals (Box and Muller, 1958).</summary>
    public static double[] Normals(long count, ulong seed)
    {
        var random = new RandomSequence(seed, 0);
        double[] values = new double[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return values;
    }
}
