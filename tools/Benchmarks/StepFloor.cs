using PerturbedForgetting.Vision.Models;

namespace Benchmarks;

/// <summary>What the machine can do at most.</summary>
/// <param name="Arithmetic">Seconds of 10⁹ operations.</param>
/// <param name="Memory">Seconds of 10⁹ bytes, half read and half written.</param>
readonly record struct StepRoof(double Arithmetic, double Memory);

/// <summary>What a SAM step must do at least.</summary>
/// <param name="Operations">Of floating point: two a multiply-add, forward, gradient of the input, gradient of the weights, two passes; no
/// gradient of the images.</param>
/// <param name="Bytes">To and from memory, if what a layer puts out is too large for the caches.</param>
readonly record struct StepFloor(double Operations, double Bytes)
{
    const int Passes = 2;

    // The output of a layer is written and read by the next one; in the backward pass it is read again, and its gradient is written and
    // read.
    const int BytesPerOutput = 5 * sizeof(float);

    // A pass reads the weights twice and writes their gradient.
    const int BytesPerWeight = 3 * sizeof(float);

    // Norm 4, perturbed weights 12, norm 4, update 20: gradient, weights and momentum; AdamW has two moments.
    const int BytesPerSgdUpdate = 40, BytesPerAdamUpdate = 48;

    /// <summary>The time that this takes at least.</summary>
    public double Seconds(StepRoof roof) => 1e-9 * ((Operations * roof.Arithmetic) + (Bytes * roof.Memory));

    public static StepFloor Of(StepWorkload workload, ModelSummary model)
    {
        double outputs = workload.Batch * model.Layers.Sum(l => (double)l.Output.Count);
        long first = model.Layers.First(l => l.MultiplyAdds > 0).MultiplyAdds;
        return new(
            2.0 * Passes * workload.Batch * ((3 * model.MultiplyAdds) - first),
            (Passes * ((BytesPerOutput * outputs) + (BytesPerWeight * (double)model.Parameters)))
                + ((workload.Optimizer == "adamw" ? BytesPerAdamUpdate : BytesPerSgdUpdate) * (double)model.Parameters));
    }
}
