return PerturbedForgetting.Fuzz.App.Run(args, TextWriter.Synchronized(Console.Out));
