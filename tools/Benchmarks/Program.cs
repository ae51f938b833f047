return Benchmarks.App.Run(args, Console.Out, Console.Error);
