using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Nn;

/// <summary>
/// The random numbers of a model's dropout: every call that drops takes the next call number, and its mask is a function of seed,
/// process, call number and element index alone. Seed and counter are all there is to save and restore for a run to go on as if it had not
/// been interrupted.
/// </summary>
/// <param name="seed">The seed of the run.</param>
public sealed class DropoutStream(ulong seed)
{
    ulong counted;

    /// <summary>The seed of the run.</summary>
    public ulong Seed => seed;

    /// <summary>Number of the process among those that train together: each has masks of its own.</summary>
    public int Rank { get; set; }

    /// <summary>How many calls have drawn a mask.</summary>
    public ulong Calls { get; set; }

    /// <summary>The streams that the dropout layers of a model draw from, in the order of the layers, each once.</summary>
    public static IReadOnlyList<DropoutStream> Of(Module model) => [.. model.Modules().OfType<Dropout>().Select(d => d.Stream).Distinct()];

    /// <summary>
    /// int64[1] on the device, holding <see cref="Calls"/> as it is when this is set: from then on a call takes that number and, as a
    /// launch argument, only its distance from it. So a captured graph draws anew when the counter has been written anew. None: the host
    /// counts alone.
    /// </summary>
    public Tensor? Counter
    {
        get;
        set => (field, counted) = (value, value is null ? 0 : Calls);
    }

    internal RandomCall Next() => new(Seed, Streams.Dropout + ((ulong)Rank << 40) + (Calls++ - counted), Counter);
}
