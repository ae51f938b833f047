using System.Reflection;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Catalogue;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>The catalogue has everything, once.</summary>
sealed class OperationCatalogueTests
{
    [Test]
    public void EveryOperationIsThere()
    {
        const BindingFlags Own = BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly;
        IEnumerable<string> functions = typeof(Ops).GetMethods(Own).Select(static m => m.Name);
        IEnumerable<string> rows = OperationCatalogue.All.Select(static o => o.Name.Split(' ', '\'', ',')[0]);
        Assert.That(functions.Distinct().Except(rows), Is.Empty, "functions without a row");
    }

    [Test]
    public void NamesAreUnique() => Assert.That(OperationCatalogue.All.Select(static o => o.Name), Is.Unique);
}
