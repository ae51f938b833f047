using System.Diagnostics;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Training.Evaluation;

/// <summary>
/// Measures a model on a data set: cross entropy without smoothing, whatever it was trained with, and top-1 and top-5 accuracy, over
/// every image once. Several processes each measure their part, and all have the result of the whole.
/// </summary>
/// <param name="model">The model; evaluated in evaluation mode, and left in the mode it was in.</param>
/// <param name="loader">Delivers every image once; the caller disposes it.</param>
/// <param name="normalization">Of the images.</param>
/// <param name="classes">Of the model: what labels stay below.</param>
/// <param name="logInterval">Batches between two looks at the numbers on a device that works on its own; elsewhere each is looked
/// at.</param>
/// <param name="loss">Another loss than cross entropy without smoothing.</param>
/// <param name="world">The processes that share the data set; none is this one alone.</param>
sealed class Evaluator(Module model, ImageLoader loader, Normalization normalization, int classes, int logInterval,
    LossFunction? loss = null, World? world = null)
{
    /// <summary>Measures the model of a run on its validation set.</summary>
    public static Evaluator Of(RunParts parts) =>
        new(parts.Model, parts.ValidationLoader, parts.Images.Normalization, parts.NumClasses, parts.Options.LogInterval,
            world: parts.World);

    /// <summary>The scores of a data set that has names for them, once the evaluation has run; the metrics are those of the first.
    /// </summary>
    public IReadOnlyList<AccuracyScore> Scores { get; private set; } = [];

    /// <summary>Runs the evaluation.</summary>
    /// <param name="observer">Receives the progress.</param>
    /// <param name="token">Ends it between two batches.</param>
    /// <param name="answered">Receives every batch with its logits, one row an image.</param>
    /// <param name="mayGoOn">Asked before each batch, as often in all processes; false ends it.</param>
    /// <returns>None when it was ended.</returns>
    public EvaluationMetrics? Run(ITrainingObserver observer, CancellationToken token, Action<InputBatch, float[]>? answered = null,
        Func<bool>? mayGoOn = null)
    {
        bool wasTraining = model.Training;
        model.Train(false);
        try
        {
            var device = model.State().First().Tensor.Device;
            using var input = new BatchInput(device, normalization, classes);
            using var numbers = Tensor.Persistent([2], DType.Float64, device).Fill(0);
            var (last, sum) = (numbers.Rows(0, 1), numbers.Rows(1, 1));
            using var accuracy = new Scoreboard(loader.Dataset, classes, device);
            var metrics = new EvaluationMetrics(double.NaN, double.NaN, double.NaN);
            long started = Stopwatch.GetTimestamp(), images = 0;
            int reported = 0, asked = 0;
            foreach (var batch in input.Epoch(loader, 0, stop: token))
            {
                asked++;
                if (token.IsCancellationRequested || mayGoOn?.Invoke() == false)
                    return null;
                using (Ranges.Push(RangeKind.Step, "evaluation"))
                using (GradMode.NoGrad())
                using (Scope.Begin())
                {
                    var logits = model.Call(batch.Images);
                    MultiTensorOps.Record(loss is null
                        ? Ops.CrossEntropy(logits, batch.Labels)
                        : loss(logits, batch.Labels), batch.Count, last, sum);
                    accuracy.Add(logits, batch);
                    answered?.Invoke(batch, logits.ToArray<float>());
                }
                images += batch.Count;
                int done = batch.Number + 1;
                if (device.IsAsynchronous && done % logInterval != 0 && done != loader.BatchesPerEpoch)
                    continue;
                metrics = new(sum.Item() / images, accuracy[1], accuracy[5]);
                double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
                started = Stopwatch.GetTimestamp();
                observer.ValidationProgress(new(done, loader.BatchesPerEpoch, images, metrics.Loss, metrics.Top1, metrics.Top5, seconds,
                    done - reported));
                reported = done;
            }
            if (images < loader.ImagesPerEpoch)
                return null;
            // The last batch may have been one of others alone.
            for (; asked < loader.BatchesPerEpoch; asked++)
                if (mayGoOn?.Invoke() == false)
                    return null;
            if (world is { Size: > 1 })
                metrics = Together(world, sum.Item(), images, accuracy);
            Scores = accuracy.Scores;
            return metrics;
        }
        finally
        {
            model.Train(wasTraining);
        }
    }

    static EvaluationMetrics Together(World world, double loss, long images, Scoreboard accuracy)
    {
        double[] sums = [loss, images];
        world.Sum(sums);
        accuracy.Sum(world);
        return new(sums[0] / sums[1], accuracy[1], accuracy[5]);
    }
}
