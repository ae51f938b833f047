using System.Globalization;
using PerturbedForgetting.Tensors;

namespace DeviceBenchmark;

/// <summary>Command line: times of training steps on a device, its losses beside the CPU's, and the summary of a checklist.</summary>
static class BenchmarkApp
{
    const string Usage = """
        usage: steps  [--device cuda|sim|cpu] [--json FILE] [--model NAME] [--steps N]   time of training steps, with and without CUDA graph
               losses [--device cuda|sim|cpu] [--json FILE] [--steps N]                  losses of a device beside the CPU's, same seed
               summary FOLDER                                              what tools/on-device.sh left in FOLDER, in one table and one JSON
        """;

    /// <summary>Runs a command line and returns the exit code: 0 good, 1 a measurement failed or is out of bounds, 2 wrong command
    /// line.</summary>
    public static int Run(IReadOnlyList<string> arguments, TextWriter output, TextWriter error)
    {
        try
        {
            return arguments.FirstOrDefault() switch
            {
                "steps" => StepBenchmark.Run(Options.Parse(arguments), output),
                "losses" => LossComparison.Run(Options.Parse(arguments), output),
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
        catch (Exception e) when (e is DeviceException or PerturbedForgetting.Cuda.CudaException or IOException)
        {
            error.WriteLine($"error: {e.Message}");
            return 1;
        }
    }
}

/// <summary>The command line is wrong; the message says where.</summary>
sealed class UsageException(string message) : Exception(message);

/// <summary>Options of a benchmark.</summary>
/// <param name="Device">Name of the device.</param>
/// <param name="Json">File for the numbers; empty for none.</param>
/// <param name="Model">Only models whose name begins so.</param>
/// <param name="Steps">Steps that are measured; 0 for the usual.</param>
sealed record Options(string Device, string Json, string Model, int Steps)
{
    public static Options Parse(IReadOnlyList<string> arguments)
    {
        Options options = new("cuda", "", "", 0);
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
                "--steps" => throw new UsageException($"--steps is '{value}', not a positive number."),
                _ => throw new UsageException($"There is no option '{arguments[i]}'."),
            };
        }
        return options;
    }
}
