using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tests.Tensors;

/// <summary>
/// Compares the gradients of an operation with central differences, in float64, for a random upstream gradient.
/// </summary>
/// <example><code>
/// GradientCheck.Run(x => Ops.Linear(x[0], x[1], x[2]), [2, 3, 5], [4, 5], [4]);
/// </code></example>
static class GradientCheck
{
    const double Step = 1e-5;

    /// <summary>Checks with standard normal inputs of the given shapes.</summary>
    /// <param name="run">The operation.</param>
    /// <param name="shapes">One an input.</param>
    public static void Run(Func<Parameter[], Tensor> run, params Shape[] shapes) => Run(run, 1, shapes);

    /// <summary>Checks with standard normal inputs of the given shapes and seed.</summary>
    public static void Run(Func<Parameter[], Tensor> run, ulong seed, params Shape[] shapes)
    {
        using var scope = Scope.Begin();
        Run(run, shapes.Select((shape, i) => new Parameter(Normal(shape, seed + (ulong)i))).ToArray());
    }

    /// <summary>Checks at the given float64 inputs.</summary>
    public static void Run(Func<Parameter[], Tensor> run, Parameter[] inputs)
    {
        using var scope = Scope.Begin();
        Tensor y = run(inputs);
        double[] upstream = Normals(y.Count, 977);
        y.Backward(Tensor.From(upstream, y.Shape));
        for (int k = 0; k < inputs.Length; k++)
        {
            Assert.That(inputs[k].Grad, Is.Not.Null, $"no gradient arrived for input {k}");
            double[] gradient = inputs[k].Grad!.ToArray<double>(), values = inputs[k].ToArray<double>();
            for (int i = 0; i < values.Length; i++)
            {
                double x = values[i];
                double numeric = (Shifted(x + Step) - Shifted(x - Step)) / (2 * Step);
                Shifted(x);
                Assert.That(gradient[i], Is.EqualTo(numeric).Within(1e-6 + (1e-6 * Math.Abs(numeric))), $"input {k} {inputs[k].Shape}, element {i}");

                double Shifted(double value)
                {
                    using var noGrad = GradMode.NoGrad();
                    using var inner = Scope.Begin();
                    values[i] = value;
                    inputs[k].CopyFrom<double>(values);
                    double sum = 0;
                    double[] result = run(inputs).ToArray<double>();
                    for (int j = 0; j < result.Length; j++)
                        sum += result[j] * upstream[j];
                    return sum;
                }
            }
        }
    }

    /// <summary>A tensor of standard normals.</summary>
    public static Tensor Normal(Shape shape, ulong seed, DType type = DType.Float64)
    {
        double[] values = Normals(shape.Count, seed);
        return type == DType.Float64 ? Tensor.From(values, shape) : Tensor.From(Array.ConvertAll(values, x => (float)x), shape);
    }

    static double[] Normals(long count, ulong seed)
    {
        var random = new RandomSequence(seed, 0);
        double[] values = new double[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = random.NextNormal();
        return values;
    }
}
