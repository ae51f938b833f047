using NUnit.Framework.Interfaces;
using PerturbedForgetting.Tensors;

[assembly: PerturbedForgetting.Tests.TrimAfterTest]

namespace PerturbedForgetting.Tests;

/// <summary>Gives cached tensor memory back after each test: few have the same shapes, and together they would hold many
/// gigabytes.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class TrimAfterTestAttribute : Attribute, ITestAction
{
    public ActionTargets Targets => ActionTargets.Test;

    public void BeforeTest(ITest test)
    {
    }

    public void AfterTest(ITest test) => Device.Cpu.Trim();
}
