using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tests;

/// <summary>Fills every tensor with NaN before it is handed out, in all tests: a kernel that reads what it has not written shows at
/// once.</summary>
static class PoisonedMemory
{
    // Before the allocator looks at the variable, which it does once.
    [ModuleInitializer]
    internal static void Enable() => Environment.SetEnvironmentVariable(EnvironmentVariables.Poison.Name, "1");
}
