using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void Attention(Tensor qkv, int heads, double scale, Tensor y, Tensor? statistics)
    {
        var shape = new AttentionHead(qkv, heads, scale);
        var body = new AttentionBody { Shape = shape, Y = y.Pointer<T>(), Statistics = PointerOrNull(statistics) };
        WorkerPool.For(shape.Batch * shape.Heads * shape.QueryBlocks, ref body);
    }

    public override void AttentionBackward(Tensor dy, Tensor y, Tensor qkv, Tensor statistics, int heads, double scale, Tensor dqkv)
    {
        var shape = new AttentionHead(qkv, heads, scale);
        var body = new AttentionBackwardBody
        {
            Shape = shape,
            Dy = dy.Pointer<T>(),
            Statistics = statistics.Pointer<T>(),
            Dqkv = dqkv.Pointer<T>(),
        };
        WorkerPool.For(shape.Batch * shape.Heads, ref body);
    }

    /// <summary>Where the heads of a batch lie. Matrices of a head have rows of the whole tensor's length, so nothing is
    /// rearranged.</summary>
    readonly struct AttentionHead(Tensor qkv, int heads, double scale)
    {
        // Scores of this many queries at once stay in the second-level cache with up to some thousand keys.
        const int MaxQueries = 128;

        public readonly T* Qkv = qkv.Pointer<T>();
        public readonly int Batch = qkv.Shape[0], Tokens = qkv.Shape[1], Heads = heads, Channels = qkv.Shape[2] / 3,
            Width = qkv.Shape[2] / 3 / heads;
        public readonly T Scale = T.CreateTruncating(scale);

        /// <summary>Elements from one row of scores to the next: whole vectors, so that no row has an end of its own.</summary>
        public int Stride => (Tokens + 15) & ~15;

        public int QueryBlocks => (Tokens + MaxQueries - 1) / MaxQueries;

        /// <summary>Queries of a block: blocks of even size.</summary>
        public int BlockLength => (Tokens + QueryBlocks - 1) / QueryBlocks;

        /// <summary>First element of a head's queries in a tensor with the layout of qkv.</summary>
        public long Query(int head) => (long)(head / Heads) * Tokens * 3 * Channels + head % Heads * Width;

        /// <summary>First element of a head's output.</summary>
        public long Output(int head) => (long)(head / Heads) * Tokens * Channels + head % Heads * Width;

        /// <summary>scores = q k^T, unscaled, for the queries from <paramref name="first"/> on; minus infinity behind the last
        /// key.</summary>
        public void Scores(int head, int first, int count, T* scores)
        {
            T* q = Qkv + Query(head);
            Gemm.Run(false, true, count, Tokens, Width, q + (long)first * 3 * Channels, 3 * Channels, q + Channels, 3 * Channels, scores,
                Stride, false);
            Pad(scores, count, T.NegativeInfinity);
        }

        /// <summary>Sets what lies behind the last key in every row.</summary>
        public void Pad(T* rows, int count, T value)
        {
            for (int i = 0; i < count; i++, rows += Stride)
                new Span<T>(rows + Tokens, Stride - Tokens).Fill(value);
        }
    }

    /// <summary>A block of queries of a head: the scores of a row are at hand together, so the softmax is the plain one.</summary>
    struct AttentionBody : IParallelBody
    {
        public AttentionHead Shape;
        public T* Y, Statistics;

        public readonly void Run(int index)
        {
            int head = index / Shape.QueryBlocks, tokens = Shape.Tokens, stride = Shape.Stride, channels = Shape.Channels,
                width = Shape.Width;
            int first = index % Shape.QueryBlocks * Shape.BlockLength, count = Math.Min(Shape.BlockLength, tokens - first);
            if (count <= 0)
                return;
            T* scores = Scratch.Get<T>(ScratchUse.Scores, (long)count * stride + count), sums = scores + (long)count * stride;
            Shape.Scores(head, first, count, scores);
            const int Rows = 8;
            T* maxima = stackalloc T[Rows];
            for (int i = 0; i < count; i += Rows)
            {
                int rows = Math.Min(Rows, count - i);
                RowMath.ExpSums(scores + (long)i * stride, stride, rows, Shape.Scale, maxima, sums + i);
                T* statistics = Statistics + 2 * ((long)head * tokens + first + i);
                for (int k = 0; k < rows && Statistics is not null; k++)
                    (statistics[2 * k], statistics[2 * k + 1]) = (maxima[k], T.One / sums[i + k]);
            }
            T* values = Shape.Qkv + Shape.Query(head) + 2 * channels, y = Y + Shape.Output(head) + (long)first * channels;
            Gemm.Run(false, false, count, width, tokens, scores, stride, values, 3 * channels, y, channels, false);
            for (int i = 0; i < count; i++)
                RowMath.Scale(y + (long)i * channels, T.One / sums[i], y + (long)i * channels, width);
        }
    }

    /// <summary>A head: with p = softmax, dv = p^T dy, dp = dy v^T, ds = scale p (dp - sum(p dp)), dq = ds k, dk = ds^T q.</summary>
    struct AttentionBackwardBody : IParallelBody
    {
        public AttentionHead Shape;
        public T* Dy, Statistics, Dqkv;

        public readonly void Run(int head)
        {
            int tokens = Shape.Tokens, length = Shape.BlockLength;
            T* p = Scratch.Get<T>(ScratchUse.Scores, (long)length * Shape.Stride),
                ds = Scratch.Get<T>(ScratchUse.ScoreGradients, (long)length * Shape.Stride);
            for (int first = 0; first < tokens; first += length)
                Block(head, first, Math.Min(length, tokens - first), p, ds);
        }

        readonly void Block(int head, int first, int count, T* p, T* ds)
        {
            int tokens = Shape.Tokens, stride = Shape.Stride, width = Shape.Width, channels = Shape.Channels, step = 3 * channels;
            T* q = Shape.Qkv + Shape.Query(head), k = q + channels, v = k + channels;
            T* dq = Dqkv + Shape.Query(head), dk = dq + channels, dv = dk + channels;
            T* dy = Dy + Shape.Output(head) + (long)first * channels;
            bool accumulate = first > 0;
            Shape.Scores(head, first, count, p);
            Gemm.Run(false, true, count, tokens, width, dy, channels, v, step, ds, stride, false);
            Shape.Pad(ds, count, T.Zero);
            T* statistics = Statistics + 2 * ((long)head * tokens + first);
            const int Rows = 8;
            for (int i = 0; i < count; i += Rows)
                SoftmaxBackward(p + (long)i * stride, ds + (long)i * stride, Math.Min(Rows, count - i), statistics + 2 * i);
            Gemm.Run(true, false, tokens, width, count, p, stride, dy, channels, dv, step, accumulate);
            Gemm.Run(false, false, count, width, tokens, ds, stride, k, step, dq + (long)first * step, step, false);
            Gemm.Run(true, false, tokens, width, count, ds, stride, q + (long)first * step, step, dk, step, accumulate);
        }

        /// <summary>Scores become probabilities, with the bits of the forward pass, and their gradients those of the scores: some rows
        /// pass by pass, so that no row waits for the sum of the one before.</summary>
        readonly void SoftmaxBackward(T* p, T* ds, int rows, T* statistics)
        {
            int stride = Shape.Stride;
            T* means = stackalloc T[rows];
            for (int i = 0; i < rows; i++)
                RowMath.ExpSum(p + (long)i * stride, statistics[2 * i], Shape.Scale, p + (long)i * stride, stride);
            for (int i = 0; i < rows; i++)
                means[i] = RowMath.Dot(p + (long)i * stride, ds + (long)i * stride, stride) * statistics[2 * i + 1];
            for (int i = 0; i < rows; i++, p += stride, ds += stride)
            {
                Vector<T> mean = new(means[i]), scale = new(Shape.Scale), norm = new(statistics[2 * i + 1]);
                for (int k = 0; k < stride; k += Vector<T>.Count)
                {
                    var probability = Vector.Load(p + k) * norm;
                    probability.Store(p + k);
                    ((Vector.Load(ds + k) - mean) * probability * scale).Store(ds + k);
                }
            }
        }
    }
}
