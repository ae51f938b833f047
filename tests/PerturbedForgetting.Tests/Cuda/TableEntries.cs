using System.Reflection;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tests.Cuda;

/// <summary>Looks into the table of a library.</summary>
static class TableEntries
{
    /// <summary>Every field is a function pointer that is set, and stands where its export stands among the names.</summary>
    public static void AreAllThere<TTable>(ref readonly TTable table) where TTable : unmanaged, INativeTable
    {
        FieldInfo[] fields = [.. typeof(TTable).GetFields().OrderBy(static field => field.MetadataToken)];
        ReadOnlySpan<nint> entries = MemoryMarshal.Cast<TTable, nint>(new ReadOnlySpan<TTable>(in table));
        Assert.That((fields.Length, TTable.Exports.Length), Is.EqualTo((entries.Length, entries.Length)));
        Assert.That(TTable.Exports, Is.Unique);
        for (int i = 0; i < entries.Length; i++)
        {
            Assert.That(fields[i].FieldType.IsFunctionPointer, fields[i].Name);
            Assert.That(TTable.Exports[i], Does.StartWith(TTable.Prefix + fields[i].Name).IgnoreCase);
            Assert.That(entries[i], Is.Not.Zero, fields[i].Name);
        }
    }
}
