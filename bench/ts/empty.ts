/** Does nothing, to measure how long a runtime takes to start and end. */
