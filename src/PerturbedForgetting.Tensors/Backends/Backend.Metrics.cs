namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>
    /// y [samples], int32 = the place of the label among the logits [samples, classes], 0 for the largest. Equal logits rank by
    /// their class number, NaN before all. Labels are int32 [samples], checked, or uint8 [samples, classes], not zero where the
    /// class applies: then the best place of these, or -1 where none applies.
    /// </summary>
    public abstract void LabelRank(Tensor logits, Tensor labels, Tensor y);
}
