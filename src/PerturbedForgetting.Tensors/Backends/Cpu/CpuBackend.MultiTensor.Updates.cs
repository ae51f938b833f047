using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void SgdUpdate(MultiTensorLayout layout, Tensor weights, in UpdateGradient gradient, Tensor? momentum, in SgdRule rule,
        UpdateControl control)
    {
        if (Number(control.Proceed) == 0)
            return;
        var body = new SgdBody
        {
            Tiles = layout.Tiles,
            Source = new(gradient, Number(control.Scale)),
            W = weights.Pointer<T>(),
            V = momentum is null ? null : momentum.Pointer<T>(),
            Rule = rule,
            LearningRate = Number(control.LearningRate),
        };
        ForTiles(layout, ref body);
    }

    struct SgdBody : IParallelBody
    {
        public MultiTensorLayout.Tile[] Tiles;
        public GradientSource Source;
        public T* W, V;
        public SgdRule Rule;
        public double LearningRate;

        public readonly void Run(int index)
        {
            var tile = Tiles[index];
            if (!tile.IsTrainable)
                return;
            var source = Source;
            T* w = W, v = V;
            var rate = new Vector<T>(T.CreateTruncating(LearningRate));
            var momentum = new Vector<T>(T.CreateTruncating(Rule.Momentum));
            var (keep, added) = Decay(tile.Decay, LearningRate, Rule.IsDecoupled);
            for (long i = tile.Offset; i < tile.Offset + tile.Length; i += Vector<T>.Count)
            {
                var weight = Vector.Load(w + i);
                var g = source.Load(i, w) + (added * weight);
                if (v is not null)
                {
                    g += momentum * Vector.Load(v + i);
                    g.Store(v + i);
                }
                ((keep * weight) - (rate * g)).Store(w + i);
            }
        }
    }

    public override void AdamUpdate(MultiTensorLayout layout, Tensor weights, in UpdateGradient gradient, Tensor first, Tensor second,
        in AdamRule rule, UpdateControl control)
    {
        if (Number(control.Proceed) == 0)
            return;
        var body = new AdamBody
        {
            Tiles = layout.Tiles,
            Source = new(gradient, Number(control.Scale)),
            W = weights.Pointer<T>(),
            M = first.Pointer<T>(),
            V = second.Pointer<T>(),
            Rule = rule,
            LearningRate = Number(control.LearningRate),
            Steps = Number(control.Steps),
        };
        ForTiles(layout, ref body);
    }

    struct AdamBody : IParallelBody
    {
        public MultiTensorLayout.Tile[] Tiles;
        public GradientSource Source;
        public T* W, M, V;
        public AdamRule Rule;
        public double LearningRate, Steps;

        public readonly void Run(int index)
        {
            var tile = Tiles[index];
            if (!tile.IsTrainable)
                return;
            var source = Source;
            T* w = W, m = M, v = V;
            var (beta1, rest1) = (Broadcast(Rule.Beta1), Broadcast(1 - Rule.Beta1));
            var (beta2, rest2) = (Broadcast(Rule.Beta2), Broadcast(1 - Rule.Beta2));
            var epsilon = Broadcast(Rule.Epsilon);
            var rate = Broadcast(LearningRate / (1 - Math.Pow(Rule.Beta1, Steps)));
            var correction = Broadcast(1 / Math.Sqrt(1 - Math.Pow(Rule.Beta2, Steps)));
            var (keep, added) = Decay(tile.Decay, LearningRate, Rule.IsDecoupled);
            for (long i = tile.Offset; i < tile.Offset + tile.Length; i += Vector<T>.Count)
            {
                var weight = Vector.Load(w + i);
                var g = source.Load(i, w) + (added * weight);
                var first = (beta1 * Vector.Load(m + i)) + (rest1 * g);
                var second = (beta2 * Vector.Load(v + i)) + (rest2 * g * g);
                first.Store(m + i);
                second.Store(v + i);
                ((keep * weight) - (rate * first / ((Vector.SquareRoot(second) * correction) + epsilon))).Store(w + i);
            }
        }
    }

    static Vector<T> Broadcast(double value) => new(T.CreateTruncating(value));

    /// <summary>Weight decay as a factor of the weight (decoupled) and as its factor in the gradient (coupled).</summary>
    static (Vector<T> Keep, Vector<T> Added) Decay(double decay, double rate, bool isDecoupled) =>
        isDecoupled ? (Broadcast(1 - (rate * decay)), Vector<T>.Zero) : (Vector<T>.One, Broadcast(decay));

    public override void FillNormal(MultiTensorLayout layout, Tensor y, in RandomCall call)
    {
        var body = new NormalBody { Runs = layout.Runs, Y = y.Pointer<T>(), Philox = Generator(call) };
        WorkerPool.For(layout.Runs.Length, ref body);
    }

    struct NormalBody : IParallelBody
    {
        public MultiTensorLayout.Run[] Runs;
        public T* Y;
        public Philox Philox;

        public readonly void Run(int index)
        {
            const int Length = 1024;
            var run = Runs[index];
            if (typeof(T) == typeof(float))
            {
                Philox.Normals(run.Index, new Span<float>((float*)Y + run.Offset, run.Length));
                return;
            }
            Span<float> some = stackalloc float[Length];
            for (int done = 0; done < run.Length; done += Length)
            {
                var part = some[..Math.Min(Length, run.Length - done)];
                Philox.Normals(run.Index + (ulong)done, part);
                for (int i = 0; i < part.Length; i++)
                    Y[run.Offset + done + i] = T.CreateTruncating(part[i]);
            }
        }
    }
}
