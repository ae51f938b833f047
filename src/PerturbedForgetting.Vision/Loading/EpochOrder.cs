using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>The order in which an epoch takes the images: a function of seed and epoch alone.</summary>
static class EpochOrder
{
    /// <summary>Fills <paramref name="order"/> with the numbers from 0, shuffled (Fisher and Yates) or in order.</summary>
    public static void Fill(Span<int> order, ulong seed, int epoch, bool shuffle)
    {
        for (int i = 0; i < order.Length; i++)
            order[i] = i;
        if (!shuffle)
            return;
        var random = new RandomSequence(seed, Streams.Order | (uint)epoch);
        for (int i = order.Length - 1; i > 0; i--)
        {
            int j = random.NextInt(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
    }
}
