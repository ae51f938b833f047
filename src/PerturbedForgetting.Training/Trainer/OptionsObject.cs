using System.Text.Json.Nodes;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training;

/// <summary>Options as a JSON object, for checkpoints.</summary>
static class OptionsObject
{
    /// <summary>All options, given or not.</summary>
    public static JsonObject From(TrainOptions options) => JsonNode.Parse(OptionsJson.Write(options))!.AsObject();
}
