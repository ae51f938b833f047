using System.Diagnostics;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training.Setup;

/// <summary>Shows images to a model, without labels and losses.</summary>
/// <param name="model">The model; in evaluation mode afterwards.</param>
/// <param name="input">The images.</param>
/// <param name="logInterval">Batches between two messages on how far it is.</param>
sealed class Inference(LoadedModel model, ImageInput input, int logInterval)
{
    /// <summary>Goes once through the images.</summary>
    /// <param name="observer">Hears how far it is, and of bad images.</param>
    /// <param name="token">Ends it.</param>
    /// <param name="answered">Receives every batch, with its logits.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public void Run(ITrainingObserver observer, CancellationToken token, Action<InputBatch, Tensor> answered)
    {
        model.Model.Train(false);
        using var feed = new BatchInput(model.Device, model.Images.Normalization, model.Model.NumClasses);
        long started = Stopwatch.GetTimestamp(), images = 0;
        var loader = input.Loader;
        foreach (var batch in feed.Epoch(loader, 0, stop: token))
        {
            token.ThrowIfCancellationRequested();
            using (GradMode.NoGrad())
            using (Scope.Begin())
                answered(batch, model.Model.Call(batch.Images));
            images += batch.Count;
            input.Name(observer);
            int done = batch.Number + 1;
            if (done % logInterval == 0 || (done == loader.BatchesPerEpoch && done > 1))
            {
                observer.Message(MessageLevel.Info,
                    FormattableString.Invariant($"  {images} of {Quantity.Of(loader.ImagesPerEpoch, "image")}, ")
                    + FormattableString.Invariant($"{images / Stopwatch.GetElapsedTime(started).TotalSeconds:0} img/s"));
            }
        }
        token.ThrowIfCancellationRequested();
        input.RequireGood();
    }
}
