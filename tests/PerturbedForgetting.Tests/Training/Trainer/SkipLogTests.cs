using PerturbedForgetting.Training;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Tests.Training;

public class SkipLogTests
{
    [Test]
    public void EverythingLeftOutOrDamagedIsCounted()
    {
        Assert.That(SkipLog.Line(0, default, default), Is.Null);
        Assert.That(SkipLog.Line(1, new BadImageCounts(2, 0, 1, 0), new BadImageCounts(0, 1, 0, 3, 1)), Is.EqualTo("In this epoch: "
            + "1 update skipped, 2 training images skipped, 1 training image used with damage, "
            + "1 validation image filled with grey, 3 validation images used with stray bytes or the like, "
            + "1 read of validation images tried again"));
    }
}
