using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace Benchmarks;

/// <summary>Whole-model passes over as many parameters, in as many pieces, as ResNet-50 has, beside a plain copy of memory.</summary>
static unsafe class MultiTensorSuite
{
    const int Rounds = 21;

    public static void Run(SuiteOptions options, Figures figures)
    {
        var model = new Pieces();
        using var arena = new ParameterArena(model);
        using var layout = new MultiTensorLayout(arena, static s => s.Count > 4096 ? 0.001 : 0);
        using var control = new UpdateControl(Device.Cpu);
        Tensor[] b = [.. Enumerable.Range(0, 5).Select(_ => arena.NewBuffer())];
        MultiTensorOps.FillNormal(layout, b[0], 1, 2);
        MultiTensorOps.FillNormal(layout, b[1], 1, 3);
        MultiTensorOps.FillNormal(layout, arena.Weights, 1, 4);
        using var one = Tensor.Persistent([1], DType.Float64).Fill(1);
        using var three = Tensor.Persistent([3], DType.Float64);
        using var pair = Tensor.Persistent([2], DType.Float64).Fill(0.5);
        control.LearningRate.Fill(1e-6);
        MultiTensorOps.BeginUpdate(one, one, 0, control);
        UpdateGradient plain = new(b[0]), combined = new(b[0], b[1], Weighting.None, pair);
        using var result = Tensor.Persistent([1], DType.Float64);

        (string Name, int Bytes, Action Action)[] cases =
        [
            ("copy (memory alone)", 8, () => Roof.Copy(b[0].Pointer<float>(), b[1].Pointer<float>(), sizeof(float) * arena.Count)),
            ("squared norm", 4, () => MultiTensorOps.SquaredNorm(layout, b[0], Weighting.None, result)),
            ("squared norm of |w|·g", 8, () => MultiTensorOps.SquaredNorm(layout, b[0], Weighting.Magnitude, result)),
            ("products", 8, () => MultiTensorOps.Products(layout, b[0], b[1], Weighting.None, three)),
            ("step along", 12, () => MultiTensorOps.StepAlong(layout, b[0], Weighting.None, one, one, 1, b[1])),
            ("combine, accumulate", 12, () => MultiTensorOps.Combine(layout, plain, 0.5, true, b[1])),
            ("sgdw, momentum", 20, () => MultiTensorOps.SgdUpdate(layout, plain, b[2], new(0.9, true), control)),
            ("sgdw, two gradients", 24, () => MultiTensorOps.SgdUpdate(layout, combined, b[2], new(0.9, true), control)),
            ("adamw", 28, () => MultiTensorOps.AdamUpdate(layout, plain, b[3], b[4], new(0.9, 0.999, 1e-8, true), control)),
            ("normal numbers", 4, () => MultiTensorOps.FillNormal(layout, b[1], 1, 3)),
        ];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{arena.Count / 1e6:F1} million parameters in {arena.Segments.Count} pieces"));
        Console.WriteLine($"{"pass",-24}{"bytes",7}{"ms",9}{"GB/s",8}{"median",8}");
        cases = [.. cases.Where(c => options.Includes(c.Name))];
        var times = Timing.Alternate(Rounds, [.. cases.Select(c => c.Action)]);
        foreach (var ((name, bytes, _), time) in cases.Zip(times))
        {
            figures.Add($"kernels/multi-tensor/{name}", time);
            double work = 1e-9 * bytes * arena.Count;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-24}{bytes,7}{time.Minimum * 1e3,9:F2}{work / time.Minimum,8:F1}{work / time.Median,8:F1}"));
        }
    }

    sealed class Pieces : Module
    {
        public Pieces()
        {
            for (int i = 0; i < 53; i++)
            {
                Register($"conv{i}", new Parameter(Tensor.Persistent([480_000], DType.Float32).Fill(0)));
                Register($"weight{i}", new Parameter(Tensor.Persistent([512], DType.Float32).Fill(0)));
                Register($"bias{i}", new Parameter(Tensor.Persistent([512], DType.Float32).Fill(0)));
            }
        }

        protected override Tensor Forward(Tensor x) => x;
    }
}
