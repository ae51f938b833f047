namespace PerturbedForgetting.Training.Options;

/// <summary>What an option's value is made of.</summary>
public enum OptionKind
{
    /// <summary>One text.</summary>
    Text,

    /// <summary>One whole number (<see cref="int"/>).</summary>
    Integer,

    /// <summary>One number (<see cref="double"/>).</summary>
    Number,

    /// <summary>On or off; on the command line the name alone switches it on.</summary>
    Switch,

    /// <summary>One or more numbers (<see cref="double"/> array).</summary>
    Numbers,

    /// <summary>Pairs <c>key=value</c> (dictionary).</summary>
    Pairs,
}
