"""The package behind *Training Tricks, Tested*: neural network training in plain NumPy.

Read the modules in the order of the course; each is one concept on about one screen.

``gradients``     the numerical gradient that checks every other gradient
``landscapes``    functions of two variables that one can see, and descent on them
``optimizers``    SGD, Momentum, Nesterov, AdaGrad, RMSProp, Adam, AdamW
``schedules``     learning rates as functions of the step
``initializers``  how weights start
``layers``        Dense, ReLU, Sigmoid, Tanh, BatchNorm, Dropout
``losses``        softmax cross-entropy, binary cross-entropy, mean squared error
``network``       layers in a row, their parameters in one vector
``data``          MNIST, splits, minibatches
``training``      fit and evaluate
``callbacks``     what happens between the updates
``checkpoints``   a run that is killed goes on as if nothing had happened
``search``        hyperparameter search over any executor, with a log of every trial
``trial_log``     that log: one writer, no finished trial lost
``bayes``         a Gaussian process that says where to try next
``estimator``     networks as scikit-learn estimators
``plots``         the figures of the book
``coursework``    what the tests of the assignments call

The idea that holds it together: all parameters of a network live in one vector, so that
``optimizer.step(params, grads)`` moves a point on a landscape and a network alike.
"""
