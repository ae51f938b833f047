// A model of one's own, trained with SAM and output-bias forgetting through the public API. docs/library.md explains each line.
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Data;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

const int Epochs = 3;
var data = DatasetFactory.Open("builtin/shapes:train=2000,size=32", dataDir: null, split: "train");
using var loader = new ImageLoader(data, new PaddedCrop(32, 32), LoaderOptions.Training(batchSize: 50, workers: 1, seed: 1));
using var feed = new ImageFeed(Device.Cpu, loader.Layout, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], data.Classes.Count);

var model = new SmallNet(classes: data.Classes.Count);
using var arena = new ParameterArena(model);
var optimizer = new Sgd(arena, momentum: 0.9, weightDecay: 1e-4, isDecoupled: true);
var options = new StepOptions((logits, labels) => Ops.CrossEntropy(logits, labels))
{
    Perturbation = new() { Loss = (logits, labels) => Ops.OutputBiasForget(logits, labels, c: 10, gamma: 1) },
};
var schedule = new LinearSchedule(0.05, minRate: 0, warmupRate: 0, warmupEpochs: 1, Epochs, loader.BatchesPerEpoch);
using var step = new TrainingStep(model, arena, optimizer, options, schedule, RhoPolicy.Constant(0.05));

for (int epoch = 0; epoch < Epochs; epoch++)
{
    foreach (var batch in loader.Epoch(epoch))
    {
        using var scope = Scope.Begin();
        feed.Send(batch.Memory, batch.Count);
        var (images, labels) = feed.Take();
        step.Batch(images, labels, batch.Number, loader.BatchesPerEpoch);
    }
    Console.WriteLine(FormattableString.Invariant($"epoch {epoch + 1}: loss of the last batch {step.Report().Loss:F3}"));
}

/// <summary>Two convolutions with batch norm, then a linear classifier.</summary>
sealed class SmallNet : Module
{
    readonly Conv2d conv1, conv2;
    readonly BatchNorm2d norm1, norm2;
    readonly Linear head;

    public SmallNet(int classes)
    {
        conv1 = Register("conv1", new Conv2d(3, 16, kernelSize: 3, stride: 2, padding: 1, bias: false));
        norm1 = Register("norm1", new BatchNorm2d(16));
        conv2 = Register("conv2", new Conv2d(16, 32, kernelSize: 3, stride: 2, padding: 1, bias: false));
        norm2 = Register("norm2", new BatchNorm2d(32));
        head = Register("head", new Linear(32, classes));
    }

    protected override Tensor Forward(Tensor x)
    {
        x = norm1.Call(conv1.Call(x), residual: null, relu: true);
        x = norm2.Call(conv2.Call(x), residual: null, relu: true);
        return head.Call(Ops.GlobalAvgPool2d(x));
    }
}
