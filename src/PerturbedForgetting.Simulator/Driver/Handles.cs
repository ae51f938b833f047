namespace PerturbedForgetting.Simulator.Driver;

/// <summary>What the handles of the simulated driver stand for. A handle is a number that is never given out again, so that one that was
/// destroyed, or is no handle at all, is recognised.</summary>
static class Handles
{
    static readonly Dictionary<nint, object> objects = [];
    static nint last = 0x51_0000;

    /// <summary>Handles in use.</summary>
    public static int Count => objects.Count;

    public static nint Add(object value)
    {
        last += 16;
        objects.Add(last, value);
        return last;
    }

    public static T? Find<T>(nint handle) where T : class => objects.TryGetValue(handle, out object? value) ? value as T : null;

    public static void Remove(nint handle) => objects.Remove(handle);
}
