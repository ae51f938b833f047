using System.Globalization;
using DeviceBenchmark.Checklist;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;

namespace DeviceBenchmark;

/// <summary>Command line: times of training steps on a device, its losses beside the CPU's, and the summary of a checklist.</summary>
static class BenchmarkApp
{
    const string Usage = """
        usage: steps   [OPTIONS]       time of training steps, with and without CUDA graph
               losses  [OPTIONS]       losses of two small models on a device beside the CPU's, same seed
               smoke   [OPTIONS]       losses of the first steps of every model of the reference, likewise
               roofline [OPTIONS]      least times of the steps on a card, computed, beside the reference's steps; needs none
               scaling [OPTIONS]       the steps on many cards, computed: all-reduce over NVLink and networks
               run     [RUN OPTIONS]   all that tools/on-device.sh runs, in the time that there is
               summary FOLDER          what it left in FOLDER, in one table and one JSON
          OPTIONS
            --device cuda|sim|cpu      where [cuda]
            --model TEXT               only cases whose model and optimizer begin so: "resnet50 sam"
            --steps N                  steps that are measured or compared [by the device]
            --seconds N                no more is begun after so long
            --json FILE                also the numbers
            --card NAMES               of the roofline, with commas: a100,h100,rtx4090 [h100]
            --details yes|no           of the roofline, every kernel [no]
            --step-ms X                of scaling, milliseconds of a step of one's own, with --parameters N
            --parameters N             of scaling, parameters of one's own model
            --accumulation N           of scaling, batches of an update [1 and 8]
          RUN OPTIONS
            --device cuda|sim          the card, or the software GPU at reduced sizes [cuda]
            --minutes N                all of it ends within so long, less valuable parts are cut [60]
            --output FOLDER            logs and results; what is finished there is not run again [on-device-results]
            --only PARTS               some of the parts, with commas: smoke,tests.norms,steps [all]
            --python PYTHON            a Python with torch, for the comparison [python3]
        """;

    /// <summary>Exit code beside 0 to 2: nothing works in this process any more.</summary>
    const int Sticky = PartProcess.Sticky;

    /// <summary>Runs a command line and returns the exit code: 0 good, 1 a measurement failed or is out of bounds, 2 wrong command
    /// line, 3 the device answers nothing any more.</summary>
    public static int Run(IReadOnlyList<string> arguments, TextWriter output, TextWriter error)
    {
        try
        {
            return arguments.FirstOrDefault() switch
            {
                "steps" => StepBenchmark.Run(Options.Parse(arguments), output),
                "losses" => LossComparison.Run(Options.Parse(arguments), output),
                "smoke" => LossComparison.RunSmoke(Options.Parse(arguments), output),
                "roofline" => RooflineReport.Run(Options.Parse(arguments), output),
                "scaling" => ScalingReport.Run(Options.Parse(arguments), output),
                "run" => ChecklistRun.Run(ChecklistOptions.Parse(arguments), output),
                "summary" when arguments.Count == 2 => Summary.Write(arguments[1], output),
                _ => throw new UsageException(arguments.Count == 0
                    ? "No command given."
                    : $"'{string.Join(' ', arguments)}' is no command."),
            };
        }
        catch (UsageException e)
        {
            error.WriteLine($"{e.Message}\n{Usage}");
            return 2;
        }
        catch (Exception e) when (e is DeviceException or CudaException or CudaLibraryException or IOException
            or UnauthorizedAccessException or OptionException)
        {
            error.WriteLine($"error: {e.Message}");
            return IsSticky(e) ? Sticky : 1;
        }
    }

    /// <summary>Whether every later call on the device of this process fails, too.</summary>
    internal static bool IsSticky(Exception? e) => e is CudaException { Result: var code }
        ? CudaErrors.IsSticky(code)
        : e?.InnerException is { } inner && IsSticky(inner);
}

/// <summary>The command line is wrong; the message says where.</summary>
sealed class UsageException(string message) : Exception(message);

/// <summary>Options of a benchmark.</summary>
/// <param name="Device">Name of the device.</param>
/// <param name="Json">File for the numbers; empty for none.</param>
/// <param name="Model">Only cases whose model and optimizer begin so.</param>
/// <param name="Steps">Steps that are measured; 0 for the usual.</param>
/// <param name="Seconds">No more is begun after so long.</param>
sealed record Options(string Device, string Json, string Model, int Steps, double Seconds)
{
    /// <summary>Cards of a roofline, with commas; empty for the usual.</summary>
    public string Cards { get; init; } = "";

    /// <summary>Whether every kernel is shown.</summary>
    public bool Details { get; init; }

    /// <summary>Milliseconds of a step to scale; 0 for those of the models.</summary>
    public double StepMilliseconds { get; init; }

    /// <summary>Parameters of its model.</summary>
    public double Parameters { get; init; }

    /// <summary>Batches of an update; 0 for the usual.</summary>
    public int Accumulation { get; init; }

    public static Options Parse(IReadOnlyList<string> arguments)
    {
        Options options = new("cuda", "", "", 0, double.PositiveInfinity);
        for (int i = 1; i < arguments.Count; i += 2)
        {
            if (i + 1 == arguments.Count)
                throw new UsageException($"'{arguments[i]}' needs a value.");
            string value = arguments[i + 1];
            options = arguments[i] switch
            {
                "--device" => options with { Device = value },
                "--json" => options with { Json = value },
                "--model" => options with { Model = value },
                "--steps" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int steps) && steps > 0 =>
                    options with { Steps = steps },
                "--card" => options with { Cards = value },
                "--details" when value is "yes" or "no" => options with { Details = value == "yes" },
                "--details" => throw new UsageException($"--details is '{value}', not 'yes' or 'no'."),
                "--seconds" when double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
                    && seconds > 0 => options with { Seconds = seconds },
                "--step-ms" => options with { StepMilliseconds = Positive(arguments[i], value) },
                "--parameters" => options with { Parameters = Positive(arguments[i], value) },
                "--accumulation" => options with { Accumulation = (int)Positive(arguments[i], value) },
                "--seconds" => throw new UsageException($"--seconds is '{value}', not a positive number."),
                "--steps" => throw new UsageException($"--steps is '{value}', not a positive number."),
                _ => throw new UsageException($"There is no option '{arguments[i]}'."),
            };
        }
        return options;
    }

    static double Positive(string option, string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number is >= 1e-6 and <= 1e15
            ? number
            : throw new UsageException($"{option} is '{value}', not a positive number.");

    /// <summary>The cases that are asked for.</summary>
    /// <exception cref="UsageException">None begins so.</exception>
    public IReadOnlyList<TrainingShape> Choose(IEnumerable<TrainingShape> cases)
    {
        TrainingShape[] all = [.. cases], chosen = [.. all.Where(c => c.Name.StartsWith(Model, StringComparison.Ordinal))];
        return chosen.Length > 0 ? chosen
            : throw new UsageException($"No case begins with '{Model}'; there are {string.Join(", ", all.Select(c => c.Name))}.");
    }
}
