namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>The version of a library as one number: 10000·major + 100·minor + patch, and 1000·major + … in the releases
/// before that.</summary>
static class PackedVersion
{
    /// <summary>The version of a number; null for 0.</summary>
    /// <param name="number">What the library says.</param>
    /// <param name="first">The first major version with five digits.</param>
    public static Version? Of(nuint number, int first)
    {
        int version = (int)number;
        return version == 0 ? null
            : version >= 10000 * first ? new(version / 10000, version / 100 % 100, version % 100)
            : new(version / 1000, version / 100 % 10, version % 100);
    }

    /// <summary>The number of a version.</summary>
    public static nuint Number(Version version, int first) =>
        (nuint)((version.Major * (version.Major < first ? 1000 : 10000)) + (version.Minor * 100) + version.Build);
}
