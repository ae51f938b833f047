using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using PerturbedForgetting.Training.Checkpoints;

namespace PerturbedForgetting.Tests.Training.Checkpoints;

/// <summary>A state that a version wrote which did not know a property yet is read, and has what that version meant.</summary>
sealed class OlderStateTests
{
    static readonly JsonObject whole =
        JsonSerializer.SerializeToNode(CheckpointSamples.State(1), CheckpointJson.Default.TrainingState)!.AsObject();

    static IEnumerable<string> Optional => typeof(TrainingState).GetProperties()
        .Where(p => p.SetMethod is not null && !p.CustomAttributes.Any(static a => a.AttributeType.Name == "RequiredMemberAttribute"))
        .Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name));

    [TestCaseSource(nameof(Optional))]
    public void APropertyMayBeAbsent(string name)
    {
        JsonObject older = whole.DeepClone().AsObject();
        Assert.That(older.Remove(name));
        TrainingState state = CheckpointJson.ParseState(older.ToJsonString());
        var context = new NullabilityInfoContext();
        foreach (PropertyInfo property in typeof(TrainingState).GetProperties())
        {
            if (!property.PropertyType.IsValueType && context.Create(property).ReadState == NullabilityState.NotNull)
                Assert.That(property.GetValue(state), Is.Not.Null, property.Name);
        }
    }
}
