using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

// Each tile's sums go to a place of their own and are added in order afterwards: the result does not depend on the threads.
unsafe sealed partial class CpuBackend<T>
{
    public override void SquaredNorm(MultiTensorLayout layout, Tensor x, Weighting weighting, Tensor weights, Tensor result)
    {
        var body = new SquaredNormBody
        {
            Tiles = layout.Tiles,
            X = x.Pointer<T>(),
            W = weights.Pointer<T>(),
            Weighting = weighting,
            Partials = layout.Partials.Pointer<double>(),
        };
        ForTiles(layout, ref body);
        Sum(layout, 1, result);
    }

    struct SquaredNormBody : IParallelBody
    {
        public MultiTensorLayout.Tile[] Tiles;
        public T* X, W;
        public Weighting Weighting;
        public double* Partials;

        public readonly void Run(int index)
        {
            var tile = Tiles[index];
            var sum = default(DoubleSum);
            if (tile.IsTrainable)
            {
                var weighting = Weighting;
                T* x = X + tile.Offset, w = W + tile.Offset;
                for (int i = 0; i < tile.Length; i += Vector<T>.Count)
                {
                    var v = Weighted(Vector.Load(x + i), w + i, weighting);
                    sum.AddProduct(v, v);
                }
            }
            Partials[index * MultiTensorLayout.MaxSums] = sum.Value;
        }
    }

    public override void Products(MultiTensorLayout layout, Tensor x, Tensor z, Weighting weighting, Tensor weights, Tensor result)
    {
        var body = new ProductsBody
        {
            Tiles = layout.Tiles,
            X = x.Pointer<T>(),
            Z = z.Pointer<T>(),
            W = weights.Pointer<T>(),
            Weighting = weighting,
            Partials = layout.Partials.Pointer<double>(),
        };
        ForTiles(layout, ref body);
        Sum(layout, 3, result);
    }

    struct ProductsBody : IParallelBody
    {
        public MultiTensorLayout.Tile[] Tiles;
        public T* X, Z, W;
        public Weighting Weighting;
        public double* Partials;

        public readonly void Run(int index)
        {
            var tile = Tiles[index];
            DoubleSum xx = default, xz = default, zz = default;
            if (tile.IsTrainable)
            {
                var weighting = Weighting;
                T* x = X + tile.Offset, z = Z + tile.Offset, w = W + tile.Offset;
                for (int i = 0; i < tile.Length; i += Vector<T>.Count)
                {
                    var u = Vector.Load(x + i);
                    var v = Weighted(Vector.Load(z + i), w + i, weighting);
                    xx.AddProduct(u, u);
                    xz.AddProduct(u, v);
                    zz.AddProduct(v, v);
                }
            }
            double* partial = Partials + (index * MultiTensorLayout.MaxSums);
            (partial[0], partial[1], partial[2]) = (xx.Value, xz.Value, zz.Value);
        }
    }

    /// <summary>A sum of products, accumulated in float64.</summary>
    struct DoubleSum
    {
        Vector<double> low, high;

        public readonly double Value => Vector.Sum(low + high);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void AddProduct(Vector<T> a, Vector<T> b)
        {
            if (typeof(T) == typeof(double))
            {
                low += a.As<T, double>() * b.As<T, double>();
                return;
            }
            Vector.Widen(a.As<T, float>(), out var lowA, out var highA);
            Vector.Widen(b.As<T, float>(), out var lowB, out var highB);
            low += lowA * lowB;
            high += highA * highB;
        }
    }

    static void Sum(MultiTensorLayout layout, int sums, Tensor result)
    {
        double* partial = layout.Partials.Pointer<double>(), total = result.Pointer<double>();
        for (int s = 0; s < sums; s++)
        {
            total[s] = 0;
            for (int tile = 0; tile < layout.Tiles.Length; tile++)
                total[s] += partial[(tile * MultiTensorLayout.MaxSums) + s];
        }
    }

    public override void OrthogonalCoefficients(Tensor products, Tensor directionSquaredNorm, double sign, double alpha, bool isNormalized,
        Tensor coefficients, Tensor combinedSquaredNorm)
    {
        double* p = products.Pointer<double>(), c = coefficients.Pointer<double>();
        double norm = Math.Sqrt(p[0]) + 1e-12;
        double factor = isNormalized ? sign / (Math.Sqrt(Number(directionSquaredNorm)) + 1e-12) : sign;
        double along = factor * p[1] / norm;
        (c[0], c[1]) = (1 - (alpha * along / norm), alpha * factor);
        double squared = (c[0] * c[0] * p[0]) + (2 * c[0] * c[1] * p[1]) + (c[1] * c[1] * p[2]);
        // Rounding must not make it negative; not-a-number passes on.
        Number(combinedSquaredNorm) = squared < 0 ? 0 : squared;
    }

    public override void BeginUpdate(Tensor squaredNorm, Tensor flag, double maxNorm, UpdateControl control)
    {
        double norm = Math.Sqrt(Number(squaredNorm));
        bool proceed = double.IsFinite(norm) && Number(flag) != 0;
        Number(control.GradientNorm) = norm;
        Number(control.Proceed) = proceed ? 1 : 0;
        Number(control.Scale) = maxNorm > 0 ? Math.Min(1, maxNorm / (norm + 1e-6)) : 1;
        Number(proceed ? control.Steps : control.Skipped)++;
    }
}
