using System.Globalization;

namespace PerturbedForgetting.Training.Processes.Launching;

/// <summary>Lists of nodes as Slurm writes them: <c>login,gpu[01-03,7],rack[1-2]n[1-4]</c>.</summary>
static class SlurmNodes
{
    /// <summary>The first node of a list; null where it is none.</summary>
    public static string? First(string list)
    {
        string name = "";
        for (int i = 0; i < list.Length; i++)
        {
            char c = list[i];
            if (c == ',')
                break;
            if (c != '[')
            {
                name += c;
                continue;
            }
            int end = list.IndexOf(']', i);
            if (end < 0)
                return null;
            // The number as it stands: zeros at its front are part of the name.
            string number = list[(i + 1)..end].Split(',', '-')[0];
            if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                return null;
            (name, i) = (name + number, end);
        }
        name = name.Trim();
        return name.Length > 0 && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_') ? name : null;
    }
}
