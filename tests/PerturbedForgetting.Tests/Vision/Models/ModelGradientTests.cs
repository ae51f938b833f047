using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Gradients of whole models: float64 on the CPU against finite differences, float32 on every device against float64.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class ModelGradientTests(string device) : DeviceFixture(device)
{
    static IEnumerable<TestCaseData> Models => TinyImageModels.All();

    [TestCaseSource(nameof(Models))]
    public void GradientsAreExact(Func<ImageModel> make)
    {
        using var scope = Scope.Begin();
        using var exact = new Run(make, DType.Float64, Device.Cpu);
        if (Device == Device.Cpu)
            exact.CompareWithDifferences();
        using var rounded = new Run(make, DType.Float32, Device);
        foreach (var (wide, segment) in exact.Arena.Segments.Zip(rounded.Arena.Segments))
        {
            double[] expected = wide.Parameter.Grad!.ToArray<double>();
            // The criterion of the reference numbers for one operation, for every one of at most twenty on the way.
            Assert.That(Array.ConvertAll(segment.Parameter.Grad!.ToArray<float>(), static x => (double)x),
                Is.EqualTo(expected).Within((20 * 4e-6 * expected.Max(Math.Abs)) + 1e-7), segment.Name);
        }
    }

    /// <summary>A model after one backward pass.</summary>
    sealed class Run : IDisposable
    {
        readonly ImageModel model;
        readonly Tensor images, labels;

        public Run(Func<ImageModel> make, DType type, Device device)
        {
            using (Initialization.Begin(3, device, type))
                model = make();
            Arena = new ParameterArena(model);
            TinyImageModels.Randomize(model, 11, scale: 1);
            images = TinyImageModels.Images(type, device);
            labels = Tensor.From([2, 0], [2], device);
            Loss().Backward();
        }

        public ParameterArena Arena { get; }

        public void CompareWithDifferences()
        {
            var random = new Random(4);
            foreach (var segment in Arena.Segments)
            {
                double[] weights = segment.Parameter.ToArray<double>(), gradient = segment.Parameter.Grad!.ToArray<double>();
                for (int n = 0; n < 2; n++)
                {
                    int i = random.Next(weights.Length);
                    const double Step = 1e-6;
                    double Shifted(double by)
                    {
                        using var inner = Scope.Begin();
                        using var noGrad = GradMode.NoGrad();
                        double[] moved = [.. weights];
                        moved[i] += by;
                        segment.Parameter.CopyFrom<double>(moved);
                        double loss = Loss().Item();
                        segment.Parameter.CopyFrom<double>(weights);
                        return loss;
                    }
                    double difference = (Shifted(Step) - Shifted(-Step)) / (2 * Step);
                    Assert.That(gradient[i], Is.EqualTo(difference).Within(1e-7 + (1e-5 * Math.Abs(difference))), $"{segment.Name}[{i}]");
                }
            }
        }

        public void Dispose() => Arena.Dispose();

        Tensor Loss() => Ops.CrossEntropy(model.Call(images), labels);
    }
}
