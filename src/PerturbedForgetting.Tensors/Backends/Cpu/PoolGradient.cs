using System.Numerics;
using System.Runtime.CompilerServices;

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
        long whole = channels / Vector<float>.Count * Vector<float>.Count;
        switch (count)
        {
            // The windows of size 3 at stride 2 have one, two or four over a pixel.
            case 1:
                One(index + windows[0], dy + windows[0], pixel, dx, whole);
                break;
            case 2:
                Two(index + windows[0], dy + windows[0], index + windows[1], dy + windows[1], pixel, dx, whole);
                break;
            case 4:
                Four(index + windows[0], dy + windows[0], index + windows[1], dy + windows[1],
                    index + windows[2], dy + windows[2], index + windows[3], dy + windows[3], pixel, dx, whole);
                break;
            default:
                Any(index, dy, windows, count, pixel, dx, whole);
                break;
        }
        return (int)whole;
    }

    static void One(int* index, float* dy, int pixel, float* dx, long channels)
    {
        var at = new Vector<int>(pixel);
        // Added to 0, as in every sum: -0 becomes 0.
        for (long c = 0; c < channels; c += Vector<float>.Count)
            (Vector<float>.Zero + Share(index + c, dy + c, at)).Store(dx + c);
    }

    static void Two(int* index0, float* dy0, int* index1, float* dy1, int pixel, float* dx, long channels)
    {
        var at = new Vector<int>(pixel);
        for (long c = 0; c < channels; c += Vector<float>.Count)
            (Vector<float>.Zero + Share(index0 + c, dy0 + c, at) + Share(index1 + c, dy1 + c, at)).Store(dx + c);
    }

    static void Four(int* index0, float* dy0, int* index1, float* dy1, int* index2, float* dy2, int* index3, float* dy3, int pixel,
        float* dx, long channels)
    {
        var at = new Vector<int>(pixel);
        for (long c = 0; c < channels; c += Vector<float>.Count)
        {
            var half = Vector<float>.Zero + Share(index0 + c, dy0 + c, at) + Share(index1 + c, dy1 + c, at);
            (half + Share(index2 + c, dy2 + c, at) + Share(index3 + c, dy3 + c, at)).Store(dx + c);
        }
    }

    static void Any(int* index, float* dy, long* windows, int count, int pixel, float* dx, long channels)
    {
        var at = new Vector<int>(pixel);
        for (long c = 0; c < channels; c += Vector<float>.Count)
        {
            var sum = Vector<float>.Zero;
            for (int i = 0; i < count; i++)
                sum += Share(index + windows[i] + c, dy + windows[i] + c, at);
            sum.Store(dx + c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<float> Share(int* index, float* dy, Vector<int> pixel) =>
        Vector.ConditionalSelect(Vector.Equals(Vector.Load(index), pixel), Vector.Load(dy), Vector<float>.Zero);
}
