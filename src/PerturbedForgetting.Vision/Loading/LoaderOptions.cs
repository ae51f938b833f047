using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>What becomes of an image that cannot be decoded.</summary>
public enum BadImagePolicy
{
    /// <summary>The epoch stops with the error, which names the file. One that is damaged but gives an image is taken and
    /// counted.</summary>
    Fail,

    /// <summary>The next image of the data set takes its place, also that of one with damaged pixels; it is counted and named.</summary>
    Skip,
}

/// <summary>Choices of <see cref="ImageLoader"/>.</summary>
public sealed record LoaderOptions
{
    /// <summary>Images in a batch.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Number of this process among those that share the epochs, from 0.</summary>
    public int Rank { get; init; }

    /// <summary>Processes that share the epochs: of each <see cref="BatchSize"/>·<see cref="Ranks"/> images in the epoch's order, each
    /// takes the <see cref="BatchSize"/> that its rank says.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>Background threads that decode; 0 decodes on the caller's thread.</summary>
    public int Workers { get; init; } = 4;

    /// <summary>Batches that are prepared ahead of the one in use.</summary>
    public int Prefetch { get; init; } = 2;

    /// <summary>Take the images in random order, a new one each epoch; otherwise in the data set's order.</summary>
    public bool Shuffle { get; init; }

    /// <summary>Leave out a last batch that is not full.</summary>
    public bool DropLast { get; init; }

    /// <summary>Seed of order and augmentation.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>What becomes of images that cannot be decoded.</summary>
    public BadImagePolicy BadImages { get; init; } = BadImagePolicy.Fail;

    /// <summary>The device that the batches are for: they lie in memory that it copies from by itself.</summary>
    public Device Device { get; init; } = Device.Cpu;

    /// <summary>Choices in decoding.</summary>
    public ImageDecoderOptions Decoder { get; init; } = ImageDecoderOptions.Default;

    /// <summary>Shuffled, without an incomplete last batch.</summary>
    public static LoaderOptions Training(int batchSize, int workers, ulong seed) =>
        new() { BatchSize = batchSize, Workers = workers, Seed = seed, Shuffle = true, DropLast = true };

    /// <summary>In order, every image once.</summary>
    public static LoaderOptions Evaluation(int batchSize, int workers) => new() { BatchSize = batchSize, Workers = workers };
}
