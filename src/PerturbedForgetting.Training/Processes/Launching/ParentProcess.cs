using System.Globalization;

namespace PerturbedForgetting.Training.Processes.Launching;

/// <summary>The process that has started this one.</summary>
static class ParentProcess
{
    /// <summary>Its number; null where the system does not tell.</summary>
    public static int? Number
    {
        get
        {
            try
            {
                // Behind the program's name, which may hold anything: state, then the parent.
                string stat = File.ReadAllText("/proc/self/stat");
                return int.TryParse(stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
                    NumberStyles.None, CultureInfo.InvariantCulture, out int parent) ? parent : null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or IndexOutOfRangeException)
            {
                return null;
            }
        }
    }
}
