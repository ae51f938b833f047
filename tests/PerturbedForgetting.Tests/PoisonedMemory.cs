using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tests;

/// <summary>Fills every tensor with NaN before it is handed out, in all tests: a kernel that reads what it has not written shows at once.</summary>
static class PoisonedMemory
{
    // Before the allocator looks at the variable, which it does once.
    [ModuleInitializer]
    internal static void Enable() => Environment.SetEnvironmentVariable("PERTURBED_FORGETTING_POISON", "1");
}
