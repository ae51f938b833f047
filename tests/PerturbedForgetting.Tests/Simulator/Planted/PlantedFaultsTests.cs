using System.Text.RegularExpressions;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Planted;

/// <summary>Faults that were planted are found, by what is missing and not by wrong numbers, in whichever order blocks, warps and streams
/// run, on one thread of the host and on two; without the fault nothing is found.</summary>
sealed class PlantedFaultsTests
{
    /// <summary>Threads of the host, and the seed of an order of blocks and warps.</summary>
    static readonly (int Workers, int? Seed)[] schedules = [(1, null), (2, null), (1, 1), (1, 2), (2, 3)];

    [TestCaseSource(typeof(PlantedPrograms), nameof(PlantedPrograms.All))]
    public void InAProgram(PlantedProgram planted)
    {
        foreach ((int workers, int? seed) in schedules)
        {
            Assert.That(planted.Run(isWrong: false, workers, seed)?.Message, Is.Null, "without the fault");
            DeviceFault? fault = planted.Run(isWrong: true, workers, seed);
            RequireFault(fault?.Kind, fault?.Message, planted.Kind, "k", planted.Advice);
        }
    }

    [TestCaseSource(typeof(PlantedKernels), nameof(PlantedKernels.All))]
    public void InAKernel(PlantedKernel planted)
    {
        Assert.That(planted.Run(isWrong: false, new SimulatedDeviceOptions()).Text, Is.Null, "without the fault");
        foreach ((int workers, int? seed) in schedules)
        {
            (FaultKind? kind, string? text) = planted.Run(isWrong: true,
                new SimulatedDeviceOptions { Workers = workers, ShuffleSeed = seed });
            RequireFault(kind, text, planted.Kind, planted.Kernel, planted.Advice);
        }
    }

    [TestCaseSource(typeof(PlantedInHost), nameof(PlantedInHost.All))]
    public void InTheHost(PlantedInHost planted)
    {
        Assert.That(planted.Run(isWrong: false, seed: null).Text, Is.Null, "without the fault");
        foreach (int? seed in (int?[])[null, 1, 2])
        {
            (FaultKind? kind, string? text) = planted.Run(isWrong: true, seed);
            Assert.That(kind, Is.EqualTo(planted.Kind), text);
            Assert.That(text, Does.Contain(planted.Operation).And.Contain(planted.Advice));
        }
    }

    /// <summary>The table is long enough to be worth its name.</summary>
    [Test]
    public void ThereAreMany() =>
        Assert.That(PlantedPrograms.All.Count() + PlantedKernels.All.Count() + PlantedInHost.All.Count(), Is.GreaterThan(70));

    /// <summary>The kind, the kernel, the line of the PTX, the block, and what to do.</summary>
    static void RequireFault(FaultKind? kind, string? text, FaultKind expected, string kernel, string advice)
    {
        // Without a barrier the reader may come first: what it reads was not written yet.
        Assert.That(kind, expected == FaultKind.SharedRace ? Is.EqualTo(expected).Or.EqualTo(FaultKind.Uninitialized)
            : Is.EqualTo(expected), text);
        Assert.That(text, Does.Match($@"^{Regex.Escape(kernel)}: \w+\.ptx:\d+( \([^)]*\))?: block \(\d+, \d+, \d+\)").And.Contain(advice));
    }
}
