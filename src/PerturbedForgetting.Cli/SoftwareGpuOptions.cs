using System.Globalization;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli;

/// <summary>
/// What the software GPU of the device <c>sim</c> is to look like, from the environment variable <see cref="Variable"/>:
/// <c>card=rtx4090,memory=64M,capability=75,driver=11.4,cudnn=none,cublas=11,lost-after=1000,shuffle=7</c>. It shows how a run fares on
/// another machine: with less memory or shared memory, an older driver, no cuDNN.
/// </summary>
static class SoftwareGpuOptions
{
    /// <summary>The environment variable.</summary>
    public static string Variable => EnvironmentVariables.SoftwareGpu.Name;

    delegate SimulatedDeviceOptions? Set(SimulatedDeviceOptions options, string value);

    static readonly Dictionary<string, (string Form, Set Set)> keys = new()
    {
        [CardKey] = ("one of " + string.Join(", ", Card.All.Select(static c => c.Name)),
            static (o, v) => Card.Find(v) is { } card ? o.As(card) : null),
        ["memory"] = ("bytes, with K, M or G: 64M", static (o, v) => Bytes(v) is { } bytes ? o with { MemoryBytes = bytes } : null),
        ["capability"] = ("a compute capability: 7.5 or 75", static (o, v) => Number(v, 10, 1) is { } capability
            ? o with { ComputeCapability = capability }
            : null),
        ["driver"] = ("a CUDA version: 11.4 or 11040", static (o, v) => Number(v, 1000, 10) is { } version
            ? o with { DriverVersion = version }
            : null),
        ["cublas"] = (VersionForm, static (o, v) => Library(v, out Version? version) ? o with { CublasVersion = version } : null),
        ["cublaslt"] = (VersionForm, static (o, v) => Library(v, out Version? version) ? o with { CublasLtVersion = version } : null),
        ["cudnn"] = (VersionForm, static (o, v) => Library(v, out Version? version) ? o with { CudnnVersion = version } : null),
        ["nccl"] = (VersionForm, static (o, v) => Library(v, out Version? version) ? o with { NcclVersion = version } : null),
        ["cudnn-cuda"] = ("a CUDA version: 13.0 or 13000", static (o, v) => Number(v, 1000, 10) is { } version
            ? o with { CudnnCudaVersion = version }
            : null),
        ["multiprocessors"] = ("a positive number", static (o, v) => Integer(v) is > 0 and var count
            ? o with { Multiprocessors = count }
            : null),
        ["workers"] = ("a positive number", static (o, v) => Integer(v) is > 0 and var count ? o with { Workers = count } : null),
        ["shuffle"] = ("a number", static (o, v) => Integer(v) is { } seed ? o with { ShuffleSeed = seed } : null),
        ["execute"] = ("yes, or no: only count what is launched", static (o, v) => v is "yes" or "no"
            ? o with { Executes = v == "yes" }
            : null),
        ["lost-code"] = ("a code after which nothing works: 700, 716, 719", static (o, v) => Integer(v) is { } code
            && CudaErrors.IsSticky((CudaResult)code)
            ? o with { LostCode = (CudaResult)code }
            : null),
        ["refuse"] = ("a call and what it returns, from the n-th call on: cuGraphInstantiate:801, cuGraphInstantiate:801@3",
            static (o, v) => SimulatedRefusal.Parse(v) is { } refusal ? o with { Refusals = [.. o.Refusals, refusal] } : null),
        ["lost-after"] = ("a number of operations", static (o, v) => Integer(v) is { } last ? o with { LostAfterOperations = last } : null),
        ["unordered-sums"] = ("'allowed'", static (o, v) => v == "allowed" ? o with { AllowsUnorderedSums = true } : null),
    };

    const string CardKey = "card";

    const string VersionForm = "'none' or a version: 11 or 8.9.7";

    /// <summary>The options that the environment asks for. A variable that hides a real library (<see cref="LibraryNames.Variable"/>)
    /// hides the software GPU's too.</summary>
    /// <exception cref="OptionException">The variable has a key or a value that is not known.</exception>
    public static SimulatedDeviceOptions FromEnvironment()
    {
        SimulatedDeviceOptions options = Parse(EnvironmentVariables.SoftwareGpu.Value ?? "");
        return options with
        {
            CublasVersion = IsHidden(CudaLibrary.Cublas) ? null : options.CublasVersion,
            CublasLtVersion = IsHidden(CudaLibrary.CublasLt) ? null : options.CublasLtVersion,
            CudnnVersion = IsHidden(CudaLibrary.Cudnn) ? null : options.CudnnVersion,
            NcclVersion = IsHidden(CudaLibrary.Nccl) ? null : options.NcclVersion,
        };

        static bool IsHidden(CudaLibrary library) => LibraryNames.Variable(library).Value == EnvironmentVariables.None;
    }

    /// <summary>The options of a text such as <c>memory=64M,cudnn=none</c>.</summary>
    /// <exception cref="OptionException">A key or a value is not known; the message names all that are wrong.</exception>
    public static SimulatedDeviceOptions Parse(string text)
    {
        SimulatedDeviceOptions options = new();
        List<OptionProblem> problems = [];
        string[][] pairs = [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(static part => part.Split('=', 2, StringSplitOptions.TrimEntries))];
        // A card first, wherever it stands: what is said beside it is said of this one.
        foreach (string[] pair in pairs.OrderBy(static pair => pair[0] == CardKey ? 0 : 1))
        {
            if (!keys.TryGetValue(pair[0], out (string Form, Set Set) key))
                problems.Add(new(Variable,
                    $"there is no '{pair[0]}'.{Suggestions.DidYouMean(pair[0], keys.Keys)} It knows {string.Join(", ", keys.Keys)}."));
            else if (pair.Length < 2 || key.Set(options, pair[1]) is not { } changed)
                problems.Add(new(Variable, $"'{string.Join('=', pair)}' is not understood; {pair[0]} is {key.Form}."
                    + (pair[0] == CardKey ? Suggestions.DidYouMean(pair[^1], Card.All.Select(static c => c.Name)) : "")));
            else
                options = changed;
        }
        return problems.Count == 0 ? options : throw new OptionException(problems);
    }

    static int? Integer(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    static long? Bytes(string text)
    {
        int shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        ReadOnlySpan<char> digits = shift > 0 ? text.AsSpan(0, text.Length - 1) : text;
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number > 0
            && number <= long.MaxValue >> shift
            ? number << shift : null;
    }

    // "12.8" is 12 · major + 8 · minor; a whole number stands for itself.
    static int? Number(string text, int major, int minor)
    {
        string[] parts = text.Split('.');
        return parts.Length switch
        {
            1 => Integer(text) is > 0 and var whole ? whole : null,
            2 => Integer(parts[0]) is > 0 and < 1000 and var first && Integer(parts[1]) is >= 0 and < 10 and var second
                ? (first * major) + (second * minor)
                : null,
            _ => null,
        };
    }

    static bool Library(string text, out Version? version)
    {
        version = null;
        if (text == EnvironmentVariables.None)
            return true;
        if (!Version.TryParse(text.Contains('.') ? text : text + ".0", out Version? given))
            return false;
        version = new Version(given.Major, given.Minor, Math.Max(given.Build, 0));
        return true;
    }
}
