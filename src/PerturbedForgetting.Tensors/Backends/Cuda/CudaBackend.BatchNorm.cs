using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/nn/batch_norm.cu.</remarks>
sealed partial class CudaBackend
{
    ColumnKernel BatchNormStatisticsKernel => field ??= new(library, "batch_norm_statistics");

    CudaKernel BatchNormFrozenKernel => field ??= library.Get("batch_norm_frozen");

    WideKernel BatchNormApplyKernel => field ??= new(library, "batch_norm_apply");

    ColumnKernel BatchNormGradientsKernel => field ??= new(library, "batch_norm_gradients");

    WideKernel BatchNormInputKernel => field ??= new(library, "batch_norm_input");

    WideKernel BatchNormTangentKernel => field ??= new(library, "batch_norm_tangent");

    ColumnKernel BatchNormTangentBackwardKernel => field ??= new(library, "batch_norm_tangent_backward");

    public override void BatchNormStatistics(Tensor x, Tensor weight, Tensor bias, double eps, Tensor saved, Tensor? runningMean,
        Tensor? runningVar, double momentum, Tensor? counter)
    {
        var (rows, channels) = (RowsOf(x).Rows, ChannelsOf(x));
        var cut = new ColumnParts(rows, channels, x, weight, bias, saved, runningMean, runningVar);
        using Scratch moments = Floats(3L * cut.Count * channels);
        BatchNormStatisticsKernel.Launch(
            Moving([x, weight, bias, runningMean, runningVar, counter], [saved, runningMean, runningVar, counter]), cut,
            Dense(saved), DenseOrNull(runningMean), DenseOrNull(runningVar), PointerOrNull(counter), moments.Pointer,
            Dense(x), Dense(weight), Dense(bias), eps, momentum, rows, channels, cut.RowsPerPart);
    }

    public override void BatchNormFrozen(Tensor weight, Tensor bias, Tensor mean, Tensor variance, double eps, Tensor saved)
    {
        int channels = ChannelsOf(mean);
        BatchNormFrozenKernel.Launch(Moving([weight, bias, mean, variance], [saved]), LaunchGrid.Blocks(channels, Threads), Threads, 0,
            Dense(saved), Dense(mean), Dense(variance), Dense(weight), Dense(bias), eps, channels);
    }

    public override void BatchNormApply(Tensor x, Tensor saved, Tensor? residual, bool relu, Tensor y)
    {
        int channels = ChannelsOf(x);
        BatchNormApplyKernel.Launch(Moving([x, saved, residual], [y]), x.Count, channels,
            Dense(y), Dense(x), Dense(saved), DenseOrNull(residual), relu ? 1 : 0, channels, x.Count);
    }

    public override void BatchNormBackward(Tensor dy, Tensor x, bool relu, Tensor? y, Tensor saved, bool batch,
        in BatchNormGradients gradients)
    {
        var (rows, channels) = (RowsOf(x).Rows, ChannelsOf(x));
        var cut = new ColumnParts(rows, channels, dy, x, y, saved, gradients.Residual, gradients.Weight, gradients.Bias);
        var (dx, dresidual, dweight, dbias) = (gradients.X, gradients.Residual, gradients.Weight, gradients.Bias);
        // Two sums a part, and behind them the slope and the level that they leave in the gradient of x.
        using Scratch sums = Floats(2L * (cut.Count + 1) * channels);
        DevicePointer coefficients = sums.Pointer + (2L * sizeof(float) * cut.Count * channels);
        Tensor? masking = relu ? y : null;
        if (dweight is not null || dbias is not null || (batch && dx is not null))
        {
            var (oldWeight, oldBias) = (gradients.AccumulateWeight ? dweight : null, gradients.AccumulateBias ? dbias : null);
            BatchNormGradientsKernel.Launch(Moving([dy, x, masking, saved, oldWeight, oldBias], [dresidual, dweight, dbias]), cut,
                coefficients, DenseOrNull(dweight), DenseOrNull(dbias), sums.Pointer, DenseOrNull(dresidual),
                Dense(dy), Dense(x), DenseOrNull(y), Dense(saved), relu ? 1 : 0, batch ? 1 : 0,
                oldWeight is null ? 0 : 1, oldBias is null ? 0 : 1, rows, channels, cut.RowsPerPart);
            // The residual's gradient is the masked one already.
            if (dresidual is not null)
                (dy, relu, masking, dresidual) = (dresidual, false, null, null);
        }
        else
            stream.FillBytes(coefficients, 0, 2L * sizeof(float) * channels);
        if (dx is not null || dresidual is not null)
            BatchNormInputKernel.Launch(Moving([dy, dx is null ? null : x, masking, saved], [dx, dresidual]), x.Count, channels,
                DenseOrNull(dx), DenseOrNull(dresidual), Dense(dy), Dense(x), DenseOrNull(y), Dense(saved), coefficients,
                relu ? 1 : 0, channels, x.Count);
    }

    public override void BatchNormTangent(Tensor x, Tensor tangent, bool relu, Tensor? y, Tensor saved, Tensor weightTangent,
        Tensor biasTangent, Tensor? residualTangent, Tensor ytangent)
    {
        int channels = ChannelsOf(x);
        BatchNormTangentKernel.Launch(
            Moving([x, tangent, relu ? y : null, saved, weightTangent, biasTangent, residualTangent], [ytangent]), x.Count, channels,
            Dense(ytangent), Dense(x), Dense(tangent), DenseOrNull(y), Dense(saved), Dense(weightTangent), Dense(biasTangent),
            DenseOrNull(residualTangent), relu ? 1 : 0, channels, x.Count);
    }

    public override void BatchNormBackwardTangent(Tensor dy, Tensor dyTangent, Tensor x, Tensor tangent, bool relu, Tensor? y, Tensor saved,
        Tensor weightTangent, in BatchNormGradients gradients)
    {
        var (rows, channels) = (RowsOf(x).Rows, ChannelsOf(x));
        var (dx, dresidual, dweight, dbias) = (gradients.X, gradients.Residual, gradients.Weight, gradients.Bias);
        var cut = new ColumnParts(rows, channels, dy, dyTangent, x, tangent, y, saved, weightTangent, dx, dresidual);
        using Scratch sums = Floats(2L * (cut.Count + 1) * channels);
        DevicePointer coefficients = sums.Pointer + (2L * sizeof(float) * cut.Count * channels);
        var (oldWeight, oldBias) = (gradients.AccumulateWeight ? dweight : null, gradients.AccumulateBias ? dbias : null);
        BatchNormTangentBackwardKernel.Launch(
            Moving([dy, dyTangent, x, tangent, relu ? y : null, saved, weightTangent, oldWeight, oldBias],
                [dx, dresidual, dweight, dbias]), cut,
            coefficients, DenseOrNull(dweight), DenseOrNull(dbias), sums.Pointer, DenseOrNull(dx), DenseOrNull(dresidual),
            Dense(dy), Dense(dyTangent), Dense(x), Dense(tangent), DenseOrNull(y), Dense(saved), Dense(weightTangent), relu ? 1 : 0,
            oldWeight is null ? 0 : 1, oldBias is null ? 0 : 1, rows, channels, cut.RowsPerPart);
    }

    // The kernels reckon places in the five rows of numbers that are saved with an int.
    static int ChannelsOf(Tensor x)
    {
        const int rowsSaved = 5;
        int channels = x.Shape[-1];
        return channels <= int.MaxValue / rowsSaved
            ? channels
            : throw new DeviceLimitException($"A batch norm on a GPU has at most {int.MaxValue / rowsSaved} channels, not {channels}.");
    }

    /// <summary>Rows and columns of a tensor seen as a matrix of its last dimension.</summary>
    static (long Rows, int Columns) RowsOf(Tensor x)
    {
        int columns = x.Shape[-1];
        return (x.Count / Math.Max(1, columns), columns);
    }
}
