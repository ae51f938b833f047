namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>
    /// y [samples], int32 = the place of the label among the logits [samples, classes], 0 for the largest. Equal logits rank by
    /// their class number, NaN before all. Labels are int32 [samples], checked, or uint8 [samples, classes], not zero where the
    /// class applies: then the best place of these, or -1 where none applies.
    /// </summary>
    public abstract void LabelRank(Tensor logits, Tensor labels, Tensor y);

    /// <summary>Adds to counts [3], int32: the samples of rank 0, those of a rank from 0 below k, those of any rank from 0.</summary>
    public abstract void CountRanks(Tensor ranks, int k, Tensor counts);
}
