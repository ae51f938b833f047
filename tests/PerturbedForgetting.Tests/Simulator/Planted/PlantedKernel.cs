using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Catalogue;
using PerturbedForgetting.Tests.Tensors.OpsTests;

namespace PerturbedForgetting.Tests.Simulator.Planted;

/// <summary>A kernel that ships, with one of its instructions changed.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Instruction">How the instruction begins, behind its guard.</param>
/// <param name="Index">Which of the kernel's instructions of that beginning, from 0.</param>
/// <param name="Kind">How the fault is called.</param>
/// <param name="Advice">A part of the message that says what to do, or what is wrong.</param>
/// <param name="Operation">Operation of the catalogue that needs the kernel.</param>
/// <param name="Shape">Shapes of its inputs.</param>
sealed record PlantedKernel(string Kernel, string Instruction, int Index, FaultKind Kind, string Advice, string Operation,
    params Shape[] Shape)
{
    /// <summary>What becomes of the instruction, with its guard: nothing, unless it is said.</summary>
    public Func<string, string> By { get; init; } = static _ => "";

    /// <summary>Products round to TF32, on matrix units.</summary>
    public bool UsesTf32 { get; init; }

    /// <summary>Runs the operation forward and backward; what the software GPU found.</summary>
    public (FaultKind? Kind, string? Text) Run(bool isWrong, SimulatedDeviceOptions options)
    {
        bool isPlanted = false;
        using var driver = new SimulatedDriver(options with
        {
            EditModule = (_, text) => isWrong && text.Contains(Entry, StringComparison.Ordinal) ? Edit(text, ref isPlanted) : text,
        });
        using var device = PerturbedForgetting.Tensors.Device.OpenCuda(CudaDevice.All(driver.Api)[0], CudaLibraries.None, "sim",
            new DeviceOptions { AllowTf32 = UsesTf32 }, driver);
        try
        {
            new OperationRun(OperationCatalogue.All.First(o => o.Name == Operation), Shape).On(device);
        }
        catch (CudaException)
        {
            // Looked at below.
        }
        Assert.That(isPlanted, Is.EqualTo(isWrong), $"{Kernel} has no {Instruction} number {Index}, or was not needed");
        return (driver.KindOfFault, driver.Fault);
    }

    string Entry => $".visible .entry {Kernel}(";

    string Edit(string text, ref bool isPlanted)
    {
        string[] lines = text.Split('\n');
        int line = Array.FindIndex(lines, l => l.StartsWith(Entry, StringComparison.Ordinal)), left = Index;
        while (++line < lines.Length && !lines[line].StartsWith(".visible .entry", StringComparison.Ordinal))
        {
            string instruction = lines[line].Trim();
            string unguarded = instruction.StartsWith('@') ? instruction[(instruction.IndexOf(' ') + 1)..].Trim() : instruction;
            if (!unguarded.StartsWith(Instruction, StringComparison.Ordinal) || left-- > 0)
                continue;
            lines[line] = By(instruction);
            isPlanted = true;
            break;
        }
        return string.Join('\n', lines);
    }

    /// <summary>The name of the test.</summary>
    public override string ToString() => $"{Kernel}, {Instruction} number {Index} ({Kind})";
}
