using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>
/// The gradient of a pixel under max pooling: the sum, beginning with 0 and in the order of the windows over it, of the gradients of those
/// whose largest element it was. Sums stay in registers; an element that was not the largest is masked.
/// </summary>
static unsafe class PoolGradient
{
    /// <summary>Writes the channels that fill whole vectors, and returns how many these are.</summary>
    /// <param name="index">The pixel of each window's largest element.</param>
    /// <param name="dy">The windows' gradients.</param>
    /// <param name="windows">First elements of the windows over the pixel.</param>
    /// <param name="count">How many windows.</param>
    /// <param name="pixel">The pixel.</param>
    /// <param name="dx">Its channels.</param>
    /// <param name="channels">How many channels.</param>
    public static int Gather(int* index, float* dy, long* windows, int count, int pixel, float* dx, int channels)
    {
        int done = 0;
        if (Vector512.IsHardwareAccelerated)
            done = Gather<ShareLanes512, Vector512<float>>(index, dy, windows, count, pixel, dx, 0, channels);
        return Gather<ShareLanes, Vector<float>>(index, dy, windows, count, pixel, dx, done, channels);
    }

    static int Gather<TLanes, TVector>(int* index, float* dy, long* windows, int count, int pixel, float* dx, int first, int channels)
        where TLanes : struct, IShareLanes<TVector>
    {
        TLanes lanes = new();
        lanes.Pixel = pixel;
        long c = first, last = channels - TLanes.Count;
        // The windows of size 3 at stride 2 have one, two or four over a pixel.
        if (count == 1)
        {
            index += windows[0];
            dy += windows[0];
            for (; c <= last; c += TLanes.Count)
                TLanes.Store(lanes.Add(TLanes.Zero, index + c, dy + c), dx + c);
        }
        else if (count == 2)
        {
            long second = windows[1] - windows[0];
            index += windows[0];
            dy += windows[0];
            for (; c <= last; c += TLanes.Count)
                TLanes.Store(lanes.Add(lanes.Add(TLanes.Zero, index + c, dy + c), index + second + c, dy + second + c), dx + c);
        }
        else if (count == 4)
        {
            int* index0 = index + windows[0], index1 = index + windows[1], index2 = index + windows[2], index3 = index + windows[3];
            float* dy0 = dy + windows[0], dy1 = dy + windows[1], dy2 = dy + windows[2], dy3 = dy + windows[3];
            for (; c <= last; c += TLanes.Count)
            {
                var half = lanes.Add(lanes.Add(TLanes.Zero, index0 + c, dy0 + c), index1 + c, dy1 + c);
                TLanes.Store(lanes.Add(lanes.Add(half, index2 + c, dy2 + c), index3 + c, dy3 + c), dx + c);
            }
        }
        else
        {
            for (; c <= last; c += TLanes.Count)
            {
                var sum = TLanes.Zero;
                for (int i = 0; i < count; i++)
                    sum = lanes.Add(sum, index + windows[i] + c, dy + windows[i] + c);
                TLanes.Store(sum, dx + c);
            }
        }
        return (int)c;
    }

    /// <summary>Adds what windows give to a pixel, in vectors of channels.</summary>
    interface IShareLanes<TVector>
    {
        static abstract int Count { get; }

        static abstract TVector Zero { get; }

        int Pixel { set; }

        /// <summary>sum, and dy where the index is that of the pixel.</summary>
        TVector Add(TVector sum, int* index, float* dy);

        static abstract void Store(TVector value, float* dx);
    }

    struct ShareLanes512 : IShareLanes<Vector512<float>>
    {
        Vector512<int> pixel;

        public static int Count => Vector512<float>.Count;

        public static Vector512<float> Zero => Vector512<float>.Zero;

        public int Pixel { set => pixel = Vector512.Create(value); }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<float> Add(Vector512<float> sum, int* index, float* dy) =>
            sum + Vector512.ConditionalSelect(Vector512.Equals(Vector512.Load(index), pixel).AsSingle(), Vector512.Load(dy), Zero);

        public static void Store(Vector512<float> value, float* dx) => value.Store(dx);
    }

    struct ShareLanes : IShareLanes<Vector<float>>
    {
        Vector<int> pixel;

        public static int Count => Vector<float>.Count;

        public static Vector<float> Zero => Vector<float>.Zero;

        public int Pixel { set => pixel = new Vector<int>(value); }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector<float> Add(Vector<float> sum, int* index, float* dy) =>
            sum + Vector.ConditionalSelect(Vector.Equals(Vector.Load(index), pixel), Vector.Load(dy), Zero);

        public static void Store(Vector<float> value, float* dx) => value.Store(dx);
    }
}
