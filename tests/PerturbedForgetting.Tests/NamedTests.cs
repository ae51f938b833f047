using System.Reflection;

namespace PerturbedForgetting.Tests;

/// <summary>Tests that other tests name as their proof.</summary>
static class NamedTests
{
    static readonly Lazy<HashSet<string>> all = new(static () => [.. typeof(NamedTests).Assembly.GetTypes()
        .SelectMany(static t => t.GetMethods(BindingFlags.Public | BindingFlags.Instance))
        .Where(static m => m.IsDefined(typeof(TestAttribute)) || m.IsDefined(typeof(TestCaseAttribute))
            || m.IsDefined(typeof(TestCaseSourceAttribute)))
        .Select(static m => $"{m.ReflectedType!.Name}.{m.Name}")]);

    /// <summary>Whether there is a test of this name, as CLASS.METHOD.</summary>
    public static bool Exists(string name) => all.Value.Contains(name);
}
