"""What goes in? Arrays as stored, and `tf.data` pipelines."""
