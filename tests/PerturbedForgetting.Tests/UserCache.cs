using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tests;

/// <summary>Tests leave nothing in the user's folder of caches.</summary>
static class UserCache
{
    [ModuleInitializer]
    internal static void SwitchOff() => Environment.SetEnvironmentVariable(EnvironmentVariables.Cache.Name, EnvironmentVariables.None);
}
